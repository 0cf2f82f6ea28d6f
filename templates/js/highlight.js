'use strict';

/** Box and card of one face light up together, by pointer and by focus; a press leads from one to the other. */
faceattr.highlight = (() => {
  const page = document.getElementById('page');
  const calm = matchMedia('(prefers-reduced-motion: reduce)');
  /** @type {string | undefined} */
  let hovered;
  /** @type {string | undefined} */
  let focused;

  /**
   * @param {EventTarget | null} target
   * @returns {HTMLElement | null} the box or card that it belongs to
   */
  function owner(target) {
    return target instanceof Element ? target.closest('[data-face]') : null;
  }

  function paint() {
    const lit = hovered ?? focused;
    page.classList.toggle('pointing', lit !== undefined);
    for (const element of page.querySelectorAll('[data-face]')) {
      element.classList.toggle('lit', /** @type {HTMLElement} */ (element).dataset.face === lit);
    }
  }

  /**
   * @param {HTMLElement} pressed
   */
  function lead(pressed) {
    const number = pressed.dataset.face;
    const isBox = pressed.classList.contains('box');
    const other = /** @type {HTMLElement} */ (page.querySelector(`${isBox ? '.card' : '.box'}[data-face="${number}"]`));
    if (!other) return;
    if (isBox) other.querySelector('button')?.focus({ preventScroll: true });
    other.scrollIntoView({ block: 'nearest', behavior: calm.matches ? 'auto' : 'smooth' });
  }

  page.addEventListener('pointerover', (event) => {
    hovered = event.pointerType === 'mouse' ? owner(event.target)?.dataset.face : undefined;
    paint();
  });
  page.addEventListener('pointerleave', () => {
    hovered = undefined;
    paint();
  });
  page.addEventListener('focusin', (event) => {
    focused = owner(event.target)?.dataset.face;
    paint();
  });
  page.addEventListener('focusout', () => {
    focused = undefined;
    paint();
  });
  page.addEventListener('click', (event) => {
    const button = event.target instanceof Element ? event.target.closest('.box, .cut') : null;
    const pressed = owner(button);
    if (pressed) lead(pressed);
  });

  /** Forgets what was pointed at: its box and card are gone. */
  function clear() {
    hovered = focused = undefined;
    paint();
  }

  return { clear };
})();
