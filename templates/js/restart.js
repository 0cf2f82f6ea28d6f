'use strict';

/** Notices another start of the service, another version or pack, and loads the page anew when nobody minds. */
faceattr.restart = (() => {
  const EVERY_MS = 3000;
  const PATIENCE_MS = 2500;

  /** @typedef {{instance: string, version: string, packs: Record<string, string>, pin: boolean}} ServiceState */
  /** The first one seen, which is that of this page. @type {string} */
  let known = '';
  /** @type {ServiceState | null} */
  let state = null;
  let isStale = false;
  /** Silences in a row. */
  let missed = 0;
  let timer = 0;
  let mayReload = () => false;
  /** @type {(isAway: boolean) => void} */
  let tell = () => {};

  /**
   * Begins to look.
   * @param {() => boolean} isFree whether nobody is in the middle of something
   * @param {(isAway: boolean) => void} onAway called with whether the service answers no more
   */
  function watch(isFree, onAway) {
    mayReload = isFree;
    tell = onAway;
    look();
  }

  async function look() {
    clearTimeout(timer);
    try {
      const response = await ask('kiosk/state', PATIENCE_MS);
      take(response.status, await response.text());
      missed = 0;
    } catch {
      missed += 1;
    }
    tell(missed > 1);
    if (isStale && mayReload()) await reload();
    clearTimeout(timer);
    timer = setTimeout(look, EVERY_MS);
  }

  /**
   * @param {number} status
   * @param {string} text
   */
  function take(status, text) {
    if (status === 401) isStale = true; // the session is over: only the page that asks for a token helps
    if (status !== 200) return;
    known ||= text;
    if (text !== known) isStale = true;
    state = JSON.parse(text);
  }

  /** Only when the page is to be had: the browser's own error page would know no way back. */
  async function reload() {
    try {
      const response = await ask(location.href, 2 * PATIENCE_MS);
      await response.text();
      if (!response.ok && response.status !== 401) return;
      faceattr.visitors.handOver();
      location.reload();
    } catch {
      // The next look tries again.
    }
  }

  /**
   * @param {string} address
   * @param {number} patience milliseconds
   */
  function ask(address, patience) {
    return fetch(address, { cache: 'no-store', headers: { Accept: 'text/html, application/json' }, signal: AbortSignal.timeout(patience) });
  }

  /** As soon as it may be: to be called when a visitor has gone. */
  function settle() {
    if (isStale) look();
  }

  return {
    watch,
    look,
    settle,
    reload: () => {
      isStale = true;
      mayReload = () => true;
      return look();
    },
    state: () => state,
  };
})();
