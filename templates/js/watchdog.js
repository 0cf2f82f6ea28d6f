'use strict';

/** Loads the page anew when it is seen and stands still: no frame drawn, or no picture from an open camera. */
faceattr.watchdog = (() => {
  const EVERY_MS = 5000;
  /** In a row. Looks are counted, not time: a machine that wakes from sleep has missed hours, and nothing is wrong. */
  const STILL_LOOKS = 6;

  /**
   * @param {() => boolean} isWatched
   * @param {() => void} bark called when for half a minute nothing has moved
   */
  function watch(isWatched, bark) {
    let drawn = 0;
    let asked = 0;
    let picture = -1;
    let still = 0;
    /** One frame for each look is all that it takes. */
    const ask = () => {
      if (drawn !== asked) return;
      asked += 1;
      requestAnimationFrame(() => (drawn = asked));
    };
    ask();
    return setInterval(() => {
      if (!isWatched() || document.hidden) {
        still = 0;
        return;
      }
      const isStuck = drawn !== asked || (isOpen() && faceattr.camera.video.currentTime === picture);
      picture = faceattr.camera.video.currentTime;
      ask();
      still = isStuck ? still + 1 : 0;
      if (still < STILL_LOOKS) return;
      still = 0;
      bark();
    }, EVERY_MS);
  }

  /** A camera that has failed has said so, and opens again by itself. */
  function isOpen() {
    return faceattr.live.running() && ['starting', 'running'].includes(faceattr.camera.state());
  }

  return { watch };
})();
