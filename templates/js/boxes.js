'use strict';

/** Numbered boxes over the photo. They are laid out in percent, so they scale with the picture by themselves. */
faceattr.boxes = (() => {
  const group = document.getElementById('boxes');

  /**
   * @param {faceattr.Answer} answer
   * @param {boolean} drawnIn whether the picture has boxes in it already
   */
  function show(answer, drawnIn) {
    const { width, height } = answer.image;
    group.classList.toggle('drawn-in', drawnIn);
    group.classList.toggle('many', answer.faces.length > 8);
    group.replaceChildren(
      ...answer.faces.map(({ box, age, gender }, index) => {
        const button = document.createElement('button');
        button.type = 'button';
        button.className = 'box brackets';
        button.dataset.face = String(index + 1);
        button.tabIndex = index === 0 ? 0 : -1;
        button.setAttribute('aria-label', label(index + 1, gender, age));
        place(button, box, width, height);
        const tag = document.createElement('span');
        tag.className = 'tag';
        tag.textContent = String(index + 1);
        button.append(tag);
        return button;
      }),
    );
  }

  /**
   * @param {number} number
   * @param {faceattr.Face['gender']} gender
   * @param {faceattr.Face['age']} age
   * @returns {string}
   */
  function label(number, gender, age) {
    const { say } = faceattr.wording;
    const years = Math.round(age.years);
    const old = `${years} ${say('faces.years', { n: years })}`;
    return say('faces.inList', { number, who: faceattr.wording.gender(gender.value), age: old });
  }

  /**
   * @param {HTMLElement} element
   * @param {faceattr.Face['box']} box
   * @param {number} width of the photo
   * @param {number} height of the photo
   */
  function place(element, box, width, height) {
    const percent = (/** @type {number} */ part, /** @type {number} */ whole) => `${(100 * part) / whole}%`;
    element.style.left = percent(box.x_min, width);
    element.style.top = percent(box.y_min, height);
    element.style.width = percent(box.x_max - box.x_min, width);
    element.style.height = percent(box.y_max - box.y_min, height);
    element.classList.toggle('at-top', box.y_min / height < 0.06);
  }

  /** Arrow keys walk from box to box; Tab passes the whole group in one step. */
  group.addEventListener('keydown', (event) => {
    const boxes = /** @type {HTMLElement[]} */ ([...group.children]);
    const here = boxes.indexOf(/** @type {HTMLElement} */ (event.target));
    const last = boxes.length - 1;
    /** @type {Record<string, number>} */
    const steps = { ArrowRight: here + 1, ArrowDown: here + 1, ArrowLeft: here - 1, ArrowUp: here - 1, Home: 0, End: last };
    if (here < 0 || !Object.hasOwn(steps, event.key)) return;
    event.preventDefault();
    const next = boxes[Math.min(Math.max(steps[event.key], 0), last)];
    for (const box of boxes) box.tabIndex = box === next ? 0 : -1;
    next.focus();
  });

  return { show, clear: () => group.replaceChildren() };
})();
