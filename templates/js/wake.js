'use strict';

/** The screen: it stays on, and is filled where the browser allows that. What a browser cannot do is left out in silence. */
faceattr.wake = (() => {
  let isWanted = false;
  let isAsking = false;

  /** Keeps the screen on from now on, whatever takes the lock away. */
  async function keepOn() {
    isWanted = true;
    if (isAsking || document.hidden) return;
    isAsking = true;
    try {
      const lock = await navigator.wakeLock.request('screen');
      lock.addEventListener('release', () => isWanted && keepOn());
    } catch {
      // No such thing here, or the battery is low: the next change of visibility asks again.
    } finally {
      isAsking = false;
    }
  }

  async function fill() {
    try {
      await document.documentElement.requestFullscreen({ navigationUI: 'hide' });
    } catch {
      // Not without a touch, or not at all.
    }
  }

  async function unfill() {
    try {
      await document.exitFullscreen();
    } catch {
      // It was not filled.
    }
  }

  document.addEventListener('visibilitychange', () => isWanted && keepOn());

  return { keepOn, fill, unfill, isFilled: () => document.fullscreenElement !== null };
})();
