'use strict';

/** What this browser remembers: settings and nothing else. Values that do not fit are as if they were not there. */
faceattr.settings = (() => {
  const KEY = 'faceattr';
  const DEFAULTS = {
    /** device id of the camera; empty: the browser's choice */
    camera: '',
    mirror: true,
    /** faces are blurred on the screen */
    blur: false,
    /** the kiosk counts visitors and shows nobody's values */
    aggregate: false,
    /** seconds without anyone until a kiosk goes back to its start */
    idleSeconds: 60,
    /** of a kiosk, whatever its visitors choose for themselves; empty: as its address or the browser says */
    language: '',
    /** visitors of a kiosk may choose a file from its device */
    photos: false,
    /** groups of visitors with fewer than this are hidden, on the screen and in the table */
    smallest: 1,
  };
  /** @typedef {typeof DEFAULTS} faceattr.Settings */
  /** @type {Set<(name: keyof faceattr.Settings) => void>} */
  const listeners = new Set();
  /** @type {Record<string, any>} */
  const values = { ...DEFAULTS };

  /** @param {string | null} text */
  function take(text) {
    let stored;
    try {
      stored = JSON.parse(text ?? '{}');
    } catch {
      stored = {};
    }
    for (const [name, usual] of Object.entries(DEFAULTS)) values[name] = fits(name, stored?.[name]) ? stored[name] : usual;
  }

  /**
   * @param {string} name
   * @param {any} value
   * @returns {boolean}
   */
  function fits(name, value) {
    if (typeof value !== typeof DEFAULTS[/** @type {keyof typeof DEFAULTS} */ (name)]) return false;
    if (name === 'language') return /^[a-z]{0,3}$/.test(value);
    if (name === 'smallest') return Number.isInteger(value) && value >= 1;
    return name !== 'idleSeconds' || (value >= 10 && value <= 3600);
  }

  /**
   * @template {keyof faceattr.Settings} Name
   * @param {Name} name
   * @returns {faceattr.Settings[Name]}
   */
  function get(name) {
    return values[name];
  }

  /**
   * @template {keyof faceattr.Settings} Name
   * @param {Name} name
   * @param {faceattr.Settings[Name]} value
   */
  function set(name, value) {
    if (!fits(name, value) || values[name] === value) return;
    values[name] = value;
    try {
      localStorage.setItem(KEY, JSON.stringify(values));
    } catch {
      // Storage is off or full: the setting holds until the page is left.
    }
    for (const listener of listeners) listener(name);
  }

  /** @param {(name: keyof faceattr.Settings) => void} listener called with the name of what has changed */
  function onChange(listener) {
    listeners.add(listener);
  }

  try {
    take(localStorage.getItem(KEY));
  } catch {
    // Storage is off: the defaults stand.
  }
  addEventListener('storage', (event) => {
    if (event.key !== KEY && event.key !== null) return;
    take(event.newValue);
    for (const name of Object.keys(DEFAULTS)) for (const listener of listeners) listener(/** @type {keyof faceattr.Settings} */ (name));
  });

  return { get, set, onChange };
})();
