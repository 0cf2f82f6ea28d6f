'use strict';

/** @typedef {'off' | 'starting' | 'running' | 'failed'} faceattr.CameraState */

/** The camera: opened on request, watched, and opened again by itself after whatever took it away. */
faceattr.camera = (() => {
  const { devices } = faceattr;
  const RETRY_MS = 2000;
  const STUCK_MS = 5000;
  const WATCH_MS = 1000;
  const JPEG = 'image/jpeg';
  const QUALITY = 0.85;

  /** Whoever shows the picture puts this where it belongs. */
  const video = document.createElement('video');
  video.muted = video.playsInline = video.autoplay = true;
  /** One for all frames. */
  const canvas = document.createElement('canvas');

  /** @typedef {(state: faceattr.CameraState, failure: faceattr.CameraFailure | '') => void} StateListener */
  /** @type {Set<StateListener>} */
  const stateListeners = new Set();
  /** @type {Set<() => void>} */
  const frameListeners = new Set();
  /** @type {faceattr.CameraState} */
  let state = 'off';
  /** @type {faceattr.CameraFailure | ''} */
  let failure = '';
  let wished = '';
  /** Counts starts and ends, so that what belongs to an earlier one is recognised. */
  let turn = 0;
  let frameAt = 0;
  let wasPulled = false;
  let retryTimer = 0;
  let watchTimer = 0;

  /** @param {string} [deviceId] another camera is taken where there is none of this id */
  async function open(deviceId = '') {
    wished = deviceId;
    clearInterval(watchTimer);
    watchTimer = setInterval(watch, WATCH_MS);
    if (state === 'running') enter('starting');
    await start();
  }

  function close() {
    turn += 1;
    clearInterval(watchTimer);
    clearTimeout(retryTimer);
    wasPulled = false;
    release();
    enter('off');
  }

  async function start() {
    turn += 1;
    const mine = turn;
    clearTimeout(retryTimer);
    release();
    if (state === 'off') enter('starting'); // after a failure, its words stay until there is a picture
    const obstacle = devices.obstacle();
    if (obstacle) return enter('failed', obstacle);
    try {
      const stream = await devices.open(wished);
      if (mine === turn) show(stream, mine);
      else devices.stop(stream);
    } catch (error) {
      if (mine === turn) fail(devices.failureOf(error));
    }
  }

  /**
   * @param {MediaStream} stream
   * @param {number} mine
   */
  function show(stream, mine) {
    frameAt = performance.now();
    for (const track of stream.getVideoTracks()) {
      track.addEventListener('ended', () => {
        if (mine !== turn) return;
        wasPulled = true;
        fail('unplugged');
      });
    }
    video.srcObject = stream;
    play();
    eachFrame(mine);
  }

  function play() {
    video.play().catch(() => {}); // interrupted by who moves the element or by the next start; watch() asks again
  }

  /** @param {number} mine */
  function eachFrame(mine) {
    video.requestVideoFrameCallback(() => {
      if (mine !== turn) return;
      frameAt = performance.now();
      wasPulled = false;
      if (state !== 'running') enter('running');
      for (const listener of frameListeners) listener();
      eachFrame(mine);
    });
  }

  /** A hidden page gets no frames; that is not the camera's fault. */
  function watch() {
    const now = performance.now();
    if (document.hidden || !video.srcObject) frameAt = now;
    else if (now - frameAt > STUCK_MS) fail('stuck');
    else if (video.paused) play();
  }

  /** @param {faceattr.CameraFailure} code */
  function fail(code) {
    turn += 1;
    release();
    enter('failed', code === 'absent' && wasPulled ? 'unplugged' : code);
    clearTimeout(retryTimer);
    retryTimer = setTimeout(retry, RETRY_MS);
  }

  /** Tries again, but does not ask those who have said no: that is for the button. */
  async function retry() {
    const mine = turn;
    const isAllowed = failure !== 'denied' || (await devices.permission())?.state === 'granted';
    if (mine !== turn || state !== 'failed') return;
    clearTimeout(retryTimer);
    if (isAllowed) await start();
    else retryTimer = setTimeout(retry, RETRY_MS);
  }

  /** A camera has come or gone: one that was missed may be back. */
  async function devicesChanged() {
    if (state === 'failed') await retry();
    if (state !== 'running' || !wished || current() === wished) return;
    if ((await devices.cameras()).some(({ deviceId }) => deviceId === wished)) await start();
  }

  function release() {
    if (!video.srcObject) return;
    devices.stop(/** @type {MediaStream} */ (video.srcObject));
    video.srcObject = null;
  }

  /**
   * @param {faceattr.CameraState} next
   * @param {faceattr.CameraFailure | ''} [code]
   */
  function enter(next, code = '') {
    if (state === next && failure === code) return;
    state = next;
    failure = code;
    for (const listener of stateListeners) listener(state, failure);
  }

  /** @returns {string} id of the camera that is open */
  function current() {
    return /** @type {MediaStream | null} */ (video.srcObject)?.getVideoTracks()[0]?.getSettings().deviceId ?? '';
  }

  /**
   * Encodes at once: the ways that promise a blob wait until the browser has nothing else to do, which boxes that move
   * over a picture that moves let it seldom.
   * @param {number} longestSide in pixels; a smaller picture stays as it is
   * @returns {Blob} the current frame as a JPEG, not mirrored
   */
  function capture(longestSide) {
    const scale = Math.min(1, longestSide / Math.max(video.videoWidth, video.videoHeight));
    const [width, height] = [video.videoWidth, video.videoHeight].map((side) => Math.max(1, Math.round(side * scale)));
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    canvas.getContext('2d', { alpha: false, willReadFrequently: true })?.drawImage(video, 0, 0, width, height);
    const [, base64] = canvas.toDataURL(JPEG, QUALITY).split(',');
    return faceattr.photo.fromBase64(base64, JPEG);
  }

  /** Kept, as its event is lost with it. @type {PermissionStatus | undefined} */
  let permission;
  devices.permission().then((status) => {
    permission = status;
    permission?.addEventListener('change', () => state === 'failed' && retry());
  });
  navigator.mediaDevices?.addEventListener?.('devicechange', devicesChanged);

  return {
    video,
    open,
    close,
    capture,
    current,
    cameras: devices.cameras,
    retry: start,
    state: () => state,
    failure: () => failure,
    onState: (/** @type {StateListener} */ listener) => stateListeners.add(listener),
    onFrame: (/** @type {() => void} */ listener) => frameListeners.add(listener),
  };
})();
