'use strict';

/** What staff may change. Every change counts at once, and is kept by this browser. */
faceattr.staff = (() => {
  const { say } = faceattr.wording;
  const { settings, wake, restart } = faceattr;
  const IDLE_SECONDS = [15, 30, 45, 60, 90, 120, 180, 300, 600];

  /** @param {string} id */
  const at = (id) => document.getElementById(id);
  const dialog = () => /** @type {HTMLDialogElement} */ (at('staff'));
  /** @typedef {HTMLInputElement | HTMLSelectElement} Control */
  /** @typedef {Parameters<typeof settings.get>[0]} Name */
  const controls = () => /** @type {NodeListOf<Control>} */ (dialog().querySelectorAll('[data-setting]'));

  /** To be called once, where there is a kiosk. */
  function prepare() {
    for (const control of controls()) control.addEventListener('change', () => take(control));
    at('staff-statistics').addEventListener('click', () => faceattr.stats.open());
    at('staff-fill').addEventListener('click', () => (wake.isFilled() ? wake.unfill() : wake.fill()));
    at('staff-reload').addEventListener('click', () => restart.reload());
    at('staff-close').addEventListener('click', () => dialog().close());
    dialog().addEventListener('close', faceattr.language.goHome);
    document.addEventListener('fullscreenchange', showFill);
    navigator.mediaDevices?.addEventListener?.('devicechange', () => dialog().open && listCameras());
  }

  function open() {
    const state = restart.state();
    at('staff-no-pin').hidden = state?.pin !== false;
    at('staff-about').textContent = state ? say('kiosk.staff.about', { version: state.version, pack: Object.keys(state.packs).join(', ') }) : '';
    listIdle();
    listCameras();
    show();
    showFill();
    dialog().showModal();
  }

  /** @param {Control} control */
  function take(control) {
    const name = /** @type {Name} */ (control.dataset.setting);
    if (control instanceof HTMLInputElement) settings.set(name, control.checked);
    else settings.set(name, name === 'idleSeconds' ? Number(control.value) : control.value);
  }

  function show() {
    for (const control of controls()) {
      const value = settings.get(/** @type {Name} */ (control.dataset.setting));
      if (control instanceof HTMLInputElement) control.checked = value === true;
      else control.value = String(value);
    }
  }

  function showFill() {
    at('staff-fill').textContent = say(wake.isFilled() ? 'kiosk.staff.unfill' : 'kiosk.staff.fill');
    at('staff-fill').hidden = !document.fullscreenEnabled;
  }

  function listIdle() {
    const all = [...new Set([...IDLE_SECONDS, settings.get('idleSeconds')])].sort((a, b) => a - b);
    at('staff-idle').replaceChildren(...all.map((seconds) => new Option(duration(seconds), String(seconds))));
  }

  /** @param {number} seconds */
  function duration(seconds) {
    return seconds >= 120 && seconds % 60 === 0 ? say('kiosk.staff.minutes', { n: seconds / 60 }) : say('kiosk.staff.seconds', { n: seconds });
  }

  /** Cameras have names, and can be chosen, once one has been allowed. */
  async function listCameras() {
    const cameras = (await faceattr.camera.cameras()).filter(({ deviceId }) => deviceId !== '');
    const chosen = settings.get('camera');
    const options = cameras.map(({ deviceId, label }, index) => new Option(label || say('kiosk.staff.cameraNumber', { n: index + 1 }), deviceId));
    // One that is unplugged stays chosen: it may come back.
    if (chosen && !cameras.some(({ deviceId }) => deviceId === chosen)) options.push(new Option(say('kiosk.staff.cameraNumber', { n: cameras.length + 1 }), chosen));
    at('staff-camera').replaceChildren(new Option(say('kiosk.staff.anyCamera'), ''), ...options);
    show();
  }

  return { prepare, open };
})();
