'use strict';

/** Which of its two views the page shows: a photo and its answer, or the live camera. */
faceattr.views = (() => {
  /** @typedef {'photo' | 'live'} faceattr.View */
  const page = document.getElementById('page');
  /** @type {Set<(view: faceattr.View) => void>} */
  const listeners = new Set();

  /** @returns {faceattr.View} */
  function current() {
    return page.dataset.view === 'live' ? 'live' : 'photo';
  }

  /** @param {faceattr.View} view */
  function go(view) {
    if (view === current()) return;
    page.dataset.view = view;
    for (const part of page.querySelectorAll('[data-in-view]')) {
      /** @type {HTMLElement} */ (part).hidden = /** @type {HTMLElement} */ (part).dataset.inView !== view;
    }
    for (const listener of listeners) listener(view);
  }

  /** @param {(view: faceattr.View) => void} listener called after the page has changed its view */
  function onChange(listener) {
    listeners.add(listener);
  }

  return { current, go, onChange };
})();
