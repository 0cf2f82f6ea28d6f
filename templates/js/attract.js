'use strict';

/** The drawing of a kiosk that waits: the finder looks at one face after the other. */
faceattr.attract = (() => {
  const EACH_MS = 3600;
  const calm = matchMedia('(prefers-reduced-motion: reduce)');
  let timer = 0;

  /** A step now and then and a transition between them: in between nothing is drawn, for months. */
  function start() {
    const looks = /** @type {HTMLElement[]} */ ([...document.querySelectorAll('.scene .look')]);
    let at = 0;
    const step = () => {
      looks.forEach((look, index) => look.classList.toggle('seen', calm.matches || index === at % looks.length));
      at += 1;
    };
    stop();
    step();
    timer = setInterval(step, EACH_MS);
  }

  function stop() {
    clearInterval(timer);
  }

  return { start, stop };
})();
