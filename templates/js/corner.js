'use strict';

/** The way in for staff: a long press in the upper corner at the end of the line, or the button there by keyboard. */
faceattr.corner = (() => {
  const SIDE_PX = 96;
  const PRESS_MS = 1500;
  /** A finger is never quite still. */
  const SLACK_PX = 24;

  /**
   * @param {HTMLElement} button seen only when focused; shows that it is being pressed
   * @param {() => void} open
   */
  function watch(button, open) {
    let timer = 0;
    let [x, y] = [0, 0];
    /** Whether the click that ends the press is still to come; it is not meant for what lies there. */
    let isOwed = false;

    /** @param {PointerEvent} event */
    const isHere = (event) => {
      const across = getComputedStyle(document.body).direction === 'rtl' ? event.clientX : innerWidth - event.clientX;
      return across <= SIDE_PX && event.clientY <= SIDE_PX;
    };
    const cancel = () => {
      clearTimeout(timer);
      button.classList.remove('pressed');
    };
    addEventListener('pointerdown', (event) => {
      cancel();
      isOwed = false;
      if (!event.isPrimary || !isHere(event) || document.querySelector('dialog[open]')) return;
      [x, y] = [event.clientX, event.clientY];
      button.classList.add('pressed');
      timer = setTimeout(() => {
        cancel();
        isOwed = true;
        open();
      }, PRESS_MS);
    }, true);
    addEventListener('pointermove', (event) => Math.hypot(event.clientX - x, event.clientY - y) > SLACK_PX && cancel(), true);
    for (const end of ['pointerup', 'pointercancel', 'blur']) addEventListener(end, cancel, true);
    addEventListener('click', (event) => {
      if (!isOwed || event.detail === 0) return;
      isOwed = false;
      event.preventDefault();
      event.stopImmediatePropagation();
    }, true);
    button.addEventListener('click', (event) => event.detail === 0 && open());
  }

  return { watch };
})();
