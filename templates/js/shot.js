'use strict';

/** Takes a photo with the camera, after three seconds to look at it. */
faceattr.shot = (() => {
  const { camera, settings } = faceattr;
  const SECONDS = 3;
  const LONGEST_SIDE = 2560;
  const dialog = /** @type {HTMLDialogElement} */ (document.getElementById('shot'));
  const element = Object.fromEntries(
    ['shot-video', 'shot-wait', 'shot-count', 'shot-failure', 'shot-failure-title', 'shot-failure-help', 'shot-retry', 'shot-take', 'shot-cancel']
      .map((id) => [id, document.getElementById(id)]),
  );
  const take = /** @type {HTMLButtonElement} */ (element['shot-take']);
  /** Where the camera's picture was before. @type {ParentNode | null} */
  let home = null;
  let timer = 0;

  function open() {
    if (dialog.open) return;
    home = camera.video.parentNode;
    element['shot-video'].append(camera.video);
    element['shot-video'].classList.toggle('mirrored', settings.get('mirror'));
    dialog.showModal();
    camera.open(settings.get('camera'));
    follow();
  }

  /** Says how it stands with the camera; without a picture nothing can be counted down to. */
  function follow() {
    if (!dialog.open) return;
    const state = camera.state();
    const isRunning = state === 'running';
    element['shot-video'].hidden = !isRunning;
    element['shot-wait'].hidden = isRunning || state === 'failed';
    element['shot-failure'].hidden = state !== 'failed';
    if (state === 'failed') explain(camera.failure() || 'unknown');
    if (!isRunning) stopCounting();
    if (isRunning && take.disabled) {
      take.disabled = false;
      take.focus();
    }
    take.disabled = !isRunning;
  }

  /** @param {faceattr.CameraFailure} code */
  function explain(code) {
    const { title, help } = faceattr.devices.explain(code);
    element['shot-failure-title'].textContent = title;
    element['shot-failure-help'].textContent = help;
  }

  /** @param {number} seconds left */
  function count(seconds) {
    element['shot-count'].textContent = seconds > 0 ? String(seconds) : '';
    if (document.activeElement === take) element['shot-count'].focus(); // the pressed button goes
    dialog.classList.add('counting');
    clearTimeout(timer);
    timer = seconds > 0 ? setTimeout(count, 1000, seconds - 1) : 0;
    if (seconds === 0) capture();
  }

  function stopCounting() {
    clearTimeout(timer);
    dialog.classList.remove('counting');
    element['shot-count'].textContent = '';
  }

  function capture() {
    try {
      const photo = camera.capture(LONGEST_SIDE);
      close();
      faceattr.page.analyze(new File([photo], '', { type: photo.type }), 1);
    } catch (error) {
      stopCounting();
      element['shot-failure'].hidden = false;
      explain('unknown');
      reportError(error);
    }
  }

  function close() {
    if (!dialog.open) return;
    dialog.close();
    leave();
  }

  /** Gives the camera back, however the dialog was closed. */
  function leave() {
    stopCounting();
    if (camera.video.parentNode !== element['shot-video']) return;
    camera.close();
    if (home) home.append(camera.video);
    else camera.video.remove();
    take.disabled = true;
  }

  take.addEventListener('click', () => dialog.classList.contains('counting') || count(SECONDS));
  element['shot-cancel'].addEventListener('click', close);
  element['shot-retry'].addEventListener('click', () => camera.retry());
  dialog.addEventListener('close', leave);
  document.getElementById('shoot').addEventListener('click', open);
  camera.onState(follow);

  return { open, close };
})();
