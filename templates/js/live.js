'use strict';

/** The live view's engine: frames out, one at a time; answers in, as tracks. It runs exactly while the view is `live`. */
faceattr.live = (() => {
  const { camera, views } = faceattr;
  const { Problem } = faceattr.api;
  /** Longer side of what is sent: enough for small faces, and little to encode and decode. */
  const LONGEST_SIDE = 640;
  const PATIENCE_MS = 6000;
  const PROBE_PATIENCE_MS = 1000;
  const RETRY_MS = 1000;
  const SILENT_MS = 3000;
  const STOPPED = Symbol('stopped');

  /** @typedef {(tracks: faceattr.Track[], now: number, all: faceattr.Track[]) => void} TracksListener */
  /** @type {Set<TracksListener>} */
  const tracksListeners = new Set();
  /** @type {Set<(track: faceattr.Track) => void>} */
  const goneListeners = new Set();
  /** @type {Set<(problem: InstanceType<typeof Problem> | null) => void>} */
  const serverListeners = new Set();
  const tracker = faceattr.tracking.create((track) => {
    for (const listener of goneListeners) listener(track);
  });
  let pace = faceattr.pace.create();
  let isRunning = false;
  let isFresh = false;
  /** Of the request on its way. @type {AbortController | null} */
  let asking = null;
  /** Why there was no answer to the last frame. @type {InstanceType<typeof Problem> | null} */
  let trouble = null;
  let answeredAt = -Infinity;
  let timer = 0;
  let expiryTimer = 0;

  function begin() {
    isRunning = true;
    isFresh = false;
    pace = faceattr.pace.create();
    expiryTimer = setInterval(expire, 500);
    camera.open(faceattr.settings.get('camera'));
  }

  function end() {
    isRunning = false;
    clearTimeout(timer);
    clearInterval(expiryTimer);
    asking?.abort(STOPPED);
    asking = null;
    camera.close();
    tracker.drop();
    answeredAt = -Infinity;
    tell(performance.now());
    report(null);
  }

  /** Sends the newest frame if it is time, and comes back when it will be. */
  function pump() {
    clearTimeout(timer);
    if (!isRunning || !isFresh || asking || document.hidden || camera.state() !== 'running') return;
    const wait = pace.wait(performance.now());
    if (wait > 0) timer = setTimeout(pump, wait);
    else ask();
  }

  async function ask() {
    const mine = new AbortController();
    asking = mine;
    isFresh = false;
    const patience = setTimeout(() => mine.abort(new Problem('timeout')), PATIENCE_MS);
    try {
      if (trouble?.code === 'network' || trouble?.code === 'timeout') await probe();
      if (document.hidden) return;
      const taken = performance.now();
      pace.sent(taken);
      const answer = await faceattr.api.analyze(camera.capture(LONGEST_SIDE), 'none', mine.signal);
      if (asking === mine) take(answer, taken);
    } catch (error) {
      if (asking === mine) miss(error instanceof Problem ? error : new Problem('unknown'));
    } finally {
      clearTimeout(patience);
      if (asking === mine) {
        asking = null;
        pump();
      }
    }
  }

  /**
   * A server that is away is asked whether it is back by something that is small and quickly given up.
   * @throws {Problem}
   */
  async function probe() {
    try {
      await fetch('healthz', { cache: 'no-store', signal: AbortSignal.timeout(PROBE_PATIENCE_MS) });
    } catch {
      throw new Problem('network');
    }
  }

  /**
   * @param {faceattr.Answer} answer
   * @param {number} taken when the frame was
   */
  function take(answer, taken) {
    answeredAt = performance.now();
    pace.answered(answeredAt);
    tracker.update(answer, taken);
    report(null);
    tell(taken);
  }

  /** @param {InstanceType<typeof Problem>} problem */
  function miss(problem) {
    // Retry-After counts in whole seconds and is meant for crowds; but a limit on requests is to be kept.
    const pause = problem.code === 'rate_limited' ? Math.max(1000 * problem.retryAfter, RETRY_MS) : RETRY_MS;
    pace.failed(performance.now(), pause);
    report(problem);
  }

  /** Without answers for a while, nobody knows who is still there; an answer that is only slow is waited for. */
  function expire() {
    const isSlow = asking !== null && trouble === null;
    if (isSlow || performance.now() - answeredAt < SILENT_MS || tracker.all().length === 0) return;
    tracker.drop();
    tell(performance.now());
  }

  /** @param {number} now */
  function tell(now) {
    const [tracks, all] = [tracker.believed(), tracker.all()];
    for (const listener of tracksListeners) listener(tracks, now, all);
  }

  /** @param {InstanceType<typeof Problem> | null} problem */
  function report(problem) {
    const isNew = trouble?.code !== problem?.code;
    trouble = problem;
    if (isNew) for (const listener of serverListeners) listener(problem);
  }

  camera.onFrame(() => {
    isFresh = true;
    pump();
  });
  document.addEventListener('visibilitychange', pump);
  addEventListener('online', () => asking?.abort(new Problem('network'))); // it may be lost; the next one goes at once
  faceattr.settings.onChange((name) => {
    if (name === 'camera' && isRunning) camera.open(faceattr.settings.get('camera'));
  });
  views.onChange((view) => {
    if (view === 'live' && !isRunning) begin();
    else if (view !== 'live' && isRunning) end();
  });
  addEventListener('DOMContentLoaded', () => location.hash === '#live' && views.go('live'));

  return {
    start: () => views.go('live'),
    stop: () => views.go('photo'),
    running: () => isRunning,
    faces: () => tracker.believed().length,
    figures: () => pace.figures(performance.now()),
    /** @returns {number} milliseconds since the last answer; Infinity before the first */
    silence: () => performance.now() - answeredAt,
    onTracks: (/** @type {TracksListener} */ listener) => tracksListeners.add(listener),
    onGone: (/** @type {(track: faceattr.Track) => void} */ listener) => goneListeners.add(listener),
    onServer: (/** @type {(problem: InstanceType<typeof Problem> | null) => void} */ listener) => serverListeners.add(listener),
  };
})();
