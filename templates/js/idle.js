'use strict';

/**
 * @typedef {object} faceattr.Vigil
 * @property {() => number} seconds without a sign until it is over
 * @property {() => boolean} isWatched whether anything can be over at all
 * @property {() => boolean} isSomebodyThere whoever stands still before the camera
 * @property {(left: number) => void} warn called with the seconds that are left; 0: not to be warned any more
 * @property {() => void} over
 */

/** Notices that nobody is there any more. */
faceattr.idle = (() => {
  const TICK_MS = 500;
  /** People are told so long before, and can stay by touching anything (WCAG 2.2.1). */
  const WARNING_S = 20;
  const SIGNS = ['pointerdown', 'pointermove', 'keydown', 'wheel', 'touchstart', 'input', 'change'];

  /** @param {faceattr.Vigil} vigil */
  function watch(vigil) {
    let seen = performance.now();
    let told = 0;
    /** @param {number} left */
    const tell = (left) => {
      if (left !== told) vigil.warn(left);
      told = left;
    };
    const see = () => {
      seen = performance.now();
      tell(0);
    };
    for (const sign of SIGNS) addEventListener(sign, see, { capture: true, passive: true });
    return setInterval(() => {
      if (!vigil.isWatched() || vigil.isSomebodyThere()) return see();
      const seconds = vigil.seconds();
      const left = seconds - (performance.now() - seen) / 1000;
      if (left > 0) return tell(left <= Math.min(WARNING_S, seconds / 2) ? Math.ceil(left) : 0);
      see();
      vigil.over();
    }, TICK_MS);
  }

  return { watch };
})();
