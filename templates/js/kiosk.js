'use strict';

/** A kiosk: it waits, says what it does, asks, shows, and forgets. Nothing here acts on an ordinary page. */
faceattr.kiosk = (() => {
  const { facts, say } = faceattr.wording;
  const { settings, views, language, restart, wake } = faceattr;
  /** @typedef {'attract' | 'notice' | 'visit'} Screen */
  const SCREENS = /** @type {Screen[]} */ (['attract', 'notice', 'visit']);

  /** @param {string} id */
  const at = (id) => document.getElementById(id);
  /** @type {Screen} */
  let screen = 'attract';

  /** @param {Screen} next */
  function enter(next) {
    screen = next;
    for (const each of SCREENS) at(each).hidden = each !== next;
    at('kiosk').dataset.screen = next;
    at('page').inert = next !== 'visit';
    if (next === 'attract') faceattr.attract.start();
    else faceattr.attract.stop();
    scrollTo(0, 0);
  }

  function ask() {
    enter('notice');
    at('notice').scrollTop = 0;
    at('consent-title').focus();
  }

  function agree() {
    enter('visit');
    faceattr.live.start();
    at('live-title').focus();
  }

  function choosePhoto() {
    enter('visit');
    at('title').focus();
  }

  /** Everything off, and back to the start. */
  function end() {
    for (const dialog of document.querySelectorAll('dialog[open]')) /** @type {HTMLDialogElement} */ (dialog).close();
    enter('attract'); // first: what follows changes the view
    faceattr.live.stop();
    faceattr.page.reset();
    at('spoken').textContent = '';
    at('attract-begin').focus();
    language.goHome();
    restart.settle();
  }

  async function staff() {
    if (!restart.state()) await restart.look();
    if (document.querySelector('dialog[open]')) return;
    if (restart.state()?.pin === false) faceattr.staff.open();
    else faceattr.pinpad.open(faceattr.staff.open);
  }

  /** @param {number} left seconds; 0: none of this any more */
  function warn(left) {
    const line = at('visit-idle');
    if (left > 0 && line.hidden) at('spoken').textContent = say('kiosk.idleSpoken');
    line.textContent = left > 0 ? say('kiosk.idle', { n: left }) : '';
    line.hidden = left === 0;
  }

  function allowPhotos() {
    at('consent-photo').hidden = !settings.get('photos');
    document.body.dataset.photos = settings.get('photos') ? 'yes' : 'no';
  }

  /** Where there is nobody to say yes, or no files are wanted, nothing is taken from a clipboard or dropped. */
  function guardFiles() {
    for (const kind of ['paste', 'drop', 'dragenter', 'dragover']) {
      addEventListener(kind, (event) => {
        if (screen === 'visit' && settings.get('photos')) return;
        event.preventDefault();
        event.stopImmediatePropagation();
      }, true);
    }
  }

  /** No menus, no dragging of pictures, no zoom by two fingers. */
  function guardGestures() {
    for (const kind of ['contextmenu', 'dragstart', 'gesturestart']) addEventListener(kind, (event) => event.preventDefault(), { passive: false });
    addEventListener('wheel', (event) => event.ctrlKey && event.preventDefault(), { passive: false });
  }

  /** Where a visitor was who has chosen another language. Looked at once: a page loaded anew begins anew. */
  function resume() {
    const { hash } = location;
    history.replaceState(null, '', location.pathname + location.search);
    if (!language.isVisitors()) return enter('attract');
    if (hash === '#live') agree();
    else if (hash === '#photo' && settings.get('photos')) choosePhoto();
    else if (hash === '#notice') ask();
    else enter('attract');
  }

  function start() {
    language.startAt(() => (screen === 'visit' ? views.current() : screen === 'notice' ? 'notice' : ''));
    // Browsers fill the screen at a touch only.
    for (const id of ['attract-begin', 'consent-agree']) at(id).addEventListener('click', wake.fill);
    at('attract-begin').addEventListener('click', ask);
    at('consent-agree').addEventListener('click', agree);
    at('consent-photo').addEventListener('click', choosePhoto);
    for (const id of ['consent-no', 'visit-finish']) at(id).addEventListener('click', end);
    faceattr.corner.watch(at('corner'), staff);
    faceattr.pinpad.prepare();
    faceattr.staff.prepare();
    guardFiles();
    guardGestures();
    allowPhotos();
    settings.onChange((name) => name === 'photos' && allowPhotos());
    views.onChange((view) => {
      if (view === 'photo' && screen === 'visit' && !settings.get('photos')) end();
    });
    faceattr.idle.watch({
      seconds: () => settings.get('idleSeconds'),
      isWatched: () => screen !== 'attract' || language.isVisitors() || document.querySelector('dialog[open]') !== null,
      isSomebodyThere: () => faceattr.live.running() && faceattr.live.faces() > 0,
      warn,
      over: end,
    });
    restart.watch(() => screen === 'attract' && !document.querySelector('dialog[open]'), (isAway) => {
      at('attract-away').textContent = isAway ? say('kiosk.attract.away') : '';
    });
    faceattr.watchdog.watch(() => screen === 'visit', () => restart.reload());
    wake.keepOn();
    resume();
    if (!language.isVisitors()) language.goHome();
  }

  if (facts.kiosk) start();

  return { staff, screen: () => screen };
})();
