'use strict';

/**
 * @typedef {'denied' | 'absent' | 'unplugged' | 'busy' | 'insecure' | 'stuck' | 'unknown'} faceattr.CameraFailure
 */

/** The browser's doors to its cameras, and what it means when one stays shut. */
faceattr.devices = (() => {
  /** @type {Record<string, faceattr.CameraFailure>} */
  const FAILURES = {
    NotAllowedError: 'denied',
    SecurityError: 'denied',
    NotFoundError: 'absent',
    OverconstrainedError: 'absent',
    NotReadableError: 'busy',
    AbortError: 'busy',
  };

  /** @returns {faceattr.CameraFailure | ''} why this page cannot have any camera, however often it asks */
  function obstacle() {
    if (!navigator.mediaDevices?.getUserMedia) return isSecureContext ? 'unknown' : 'insecure';
    return 'requestVideoFrameCallback' in HTMLVideoElement.prototype ? '' : 'unknown';
  }

  /**
   * @param {string} wished device id; empty, or no longer there: another camera is taken
   * @returns {Promise<MediaStream>}
   */
  function open(wished) {
    const which = wished ? { deviceId: { ideal: wished } } : { facingMode: 'user' };
    return navigator.mediaDevices.getUserMedia({ audio: false, video: { width: { ideal: 1280 }, height: { ideal: 720 }, ...which } });
  }

  /**
   * @param {unknown} error of open()
   * @returns {faceattr.CameraFailure}
   */
  function failureOf(error) {
    const name = error instanceof Error || error instanceof DOMException ? error.name : '';
    return Object.hasOwn(FAILURES, name) ? FAILURES[name] : 'unknown';
  }

  /**
   * What is wrong and what to do about it.
   * @param {string} failure
   * @returns {{title: string, help: string}}
   */
  function explain(failure) {
    const here = { origin: location.origin, local: `${location.protocol}//localhost${location.port && `:${location.port}`}/` };
    const { say } = faceattr.wording;
    return { title: say(`live.failures.${failure}.0`), help: say(`live.failures.${failure}.1`, here) };
  }

  /** @returns {Promise<MediaDeviceInfo[]>} nameless until a camera has been allowed */
  async function cameras() {
    const devices = (await navigator.mediaDevices?.enumerateDevices?.().catch(() => [])) ?? [];
    return devices.filter(({ kind }) => kind === 'videoinput');
  }

  /** @returns {Promise<PermissionStatus | undefined>} undefined where the browser does not say */
  async function permission() {
    try {
      return await navigator.permissions.query({ name: /** @type {PermissionName} */ ('camera') });
    } catch {
      return undefined;
    }
  }

  /** @param {MediaStream} stream */
  function stop(stream) {
    for (const track of stream.getTracks()) track.stop();
  }

  return { obstacle, open, failureOf, explain, cameras, permission, stop };
})();
