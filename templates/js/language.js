'use strict';

/**
 * The page in another language is the page at another address. In a kiosk the visitor's choice goes with the visitor:
 * `home` in the address says whose language comes back.
 */
faceattr.language = (() => {
  const { facts } = faceattr.wording;
  const { settings } = faceattr;
  const parameters = new URLSearchParams(location.search);
  const current = facts.lang.split('-')[0];
  let isVisitors = facts.kiosk && parameters.has('home');
  /** What the next page is to begin with. @type {() => string} */
  let place = () => (faceattr.views.current() === 'live' ? 'live' : '');

  /** @returns {string} code of the language that a kiosk goes back to; empty: the browser's */
  function home() {
    return settings.get('language') || (parameters.get(isVisitors ? 'home' : 'lang') ?? '');
  }

  /**
   * @param {string} code empty: the browser's
   * @param {boolean} forVisitor
   * @returns {string}
   */
  function address(code, forVisitor) {
    const next = new URLSearchParams(parameters);
    const was = home();
    for (const [name, value] of [['lang', code], ['home', was]]) next.set(name, value);
    if (!code) next.delete('lang');
    if (!forVisitor) next.delete('home');
    return `${location.pathname}?${next}`;
  }

  /** @param {string} code */
  function isSpoken(code) {
    return document.querySelector(`a[data-language="${code}"]`) !== null;
  }

  /** Back to the language of the house, after a visitor or at the operator's wish. */
  function goHome() {
    const code = home();
    if (code ? code !== current && isSpoken(code) : isVisitors) {
      faceattr.visitors.handOver();
      return location.replace(address(code, false));
    }
    if (!isVisitors) return;
    history.replaceState(null, '', address(code, false));
    isVisitors = false;
    parameters.delete('home');
  }

  /** @param {() => string} where what the next page begins with, as the hash of its address */
  function startAt(where) {
    place = where;
  }

  for (const link of /** @type {NodeListOf<HTMLAnchorElement>} */ (document.querySelectorAll('a[data-language]'))) {
    const point = () => {
      link.href = address(link.dataset.language ?? '', facts.kiosk);
      link.hash = place();
    };
    point();
    link.addEventListener('click', ({ ctrlKey, metaKey, shiftKey, altKey }) => {
      point();
      // With a key held this page stays, and another opens beside it, or nothing does.
      if (!(ctrlKey || metaKey || shiftKey || altKey)) faceattr.visitors.handOver();
    });
  }

  return { goHome, startAt, isVisitors: () => isVisitors };
})();
