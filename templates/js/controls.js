'use strict';

/** What people can choose in the live view, and the two buttons between the views. */
faceattr.controls = (() => {
  const { camera, settings, views } = faceattr;
  const { say } = faceattr.wording;
  const select = /** @type {HTMLSelectElement} */ (document.getElementById('live-camera'));
  const pick = document.getElementById('live-pick');

  /** @param {'mirror' | 'blur'} name */
  function bind(name) {
    const box = /** @type {HTMLInputElement} */ (document.getElementById(`live-${name}`));
    const show = () => {
      box.checked = settings.get(name);
    };
    box.addEventListener('change', () => settings.set(name, box.checked));
    settings.onChange(show);
    show();
  }

  /** Offers the cameras where there are several; their names are known once one has been allowed. */
  async function list() {
    const cameras = await camera.cameras();
    const chosen = camera.current() || settings.get('camera');
    select.replaceChildren(
      ...cameras.map(({ deviceId, label }, index) => new Option(label || say('live.cameraNumber', { n: index + 1 }), deviceId, false, deviceId === chosen)),
    );
    pick.hidden = cameras.length < 2 || camera.state() !== 'running';
  }

  select.addEventListener('change', () => settings.set('camera', select.value));
  camera.onState(list);
  navigator.mediaDevices?.addEventListener?.('devicechange', list);
  bind('mirror');
  bind('blur');

  document.getElementById('go-live').addEventListener('click', () => {
    views.go('live');
    document.getElementById('live-title').focus();
  });
  document.getElementById('go-photo').addEventListener('click', () => {
    views.go('photo');
    document.getElementById('go-live').focus();
  });

  return {};
})();
