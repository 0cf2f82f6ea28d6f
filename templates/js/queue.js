'use strict';

/**
 * @typedef {object} faceattr.Entry
 * @property {number} number its place among the photos given together, from 1
 * @property {File} photo by reference: its bytes stay where the user has them
 * @property {'waiting' | 'busy' | 'done' | 'failed'} state
 * @property {string} model the pack that was asked
 * @property {faceattr.Answer | null} answer
 * @property {InstanceType<typeof faceattr.api.Problem> | null} problem why there is no answer
 * @property {number} roundTrip milliseconds
 * @property {number} refusals in a row by a server that was busy
 */

/** The photos given together. They are sent one after the other, in their order; one that fails stops no other. */
faceattr.queue = (() => {
  const { Problem, chosenModel } = faceattr.api;
  /** More photos than these are not taken: the page lives for months. */
  const LIMIT = 50;
  /** A photo among others is sent again by itself so many times, after the time that a busy server asked for. */
  const PATIENCE = 2;
  const WORTH_ANOTHER_TRY = new Set(['network', 'timeout', 'request_timeout', 'rate_limited', 'overloaded', 'out_of_memory', 'draining', 'not_ready', 'internal', 'unknown', 'bad_base64']);
  const CANCELLED = Symbol('cancelled');

  /** @type {faceattr.Entry[]} */
  let entries = [];
  let running = new AbortController();
  let working = false;
  /** @type {(entry: faceattr.Entry) => void} */
  let tell = () => {};
  /** Ends the wait for a busy server. */
  let wake = () => {};
  /** @type {Promise<unknown>} */
  let last = Promise.resolve();

  /**
   * Forgets the photos before these.
   * @param {File[]} photos at least one; those after the fiftieth are left out
   * @returns {faceattr.Entry[]}
   */
  function start(photos) {
    clear();
    entries = photos.slice(0, LIMIT).map((photo, index) => {
      const problem = refusal(photo);
      return { number: index + 1, photo, state: problem ? 'failed' : 'waiting', model: '', answer: null, problem, roundTrip: 0, refusals: 0 };
    });
    return entries;
  }

  /**
   * @param {File} photo
   * @returns {InstanceType<typeof Problem> | null} what the server would say to it, without sending it
   */
  function refusal(photo) {
    if (photo.size === 0) return new Problem('empty_image');
    return photo.size > faceattr.wording.facts.max_image_bytes ? new Problem('image_too_large') : null;
  }

  /** Sends what waits. Harmless when that is going on already. */
  async function work() {
    if (working) return;
    const { signal } = running;
    working = true;
    for (let entry; (entry = entries.find(({ state }) => state === 'waiting')); ) {
      entry.state = 'busy';
      tell(entry);
      await answer(entry, signal);
      if (signal.aborted) return;
      tell(entry);
      const { problem } = entry;
      if (problem?.retryAfter && entries.some(({ state }) => state === 'waiting')) await pause(problem.retryAfter, signal);
      if (signal.aborted) return;
    }
    working = false;
  }

  /**
   * @param {faceattr.Entry} entry gets its answer or its problem
   * @param {AbortSignal} signal
   */
  async function answer(entry, signal) {
    entry.model = chosenModel();
    try {
      let started = 0;
      entry.answer = await inTurn(() => {
        started = performance.now();
        return faceattr.api.analyze(entry.photo, 'none', signal, { model: entry.model, distribution: true });
      });
      entry.roundTrip = performance.now() - started;
      entry.problem = null;
      entry.state = 'done';
    } catch (error) {
      if (signal.aborted) return;
      entry.problem = error instanceof Problem ? error : new Problem('unknown');
      entry.refusals += 1;
      const again = entry.problem.retryAfter > 0 && entries.length > 1 && entry.refusals <= PATIENCE;
      entry.state = again ? 'waiting' : 'failed';
      if (!(error instanceof Problem)) reportError(error);
    }
  }

  /**
   * @param {number} seconds
   * @param {AbortSignal} signal ends the pause, as `wake` does
   * @returns {Promise<void>}
   */
  async function pause(seconds, signal) {
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, 1000 * seconds);
      wake = () => {
        clearTimeout(timer);
        resolve(undefined);
      };
      signal.addEventListener('abort', wake, { once: true });
    });
  }

  /**
   * Does one thing with the server after the other: never are two photos on their way.
   * @template T
   * @param {() => Promise<T>} task
   * @returns {Promise<T>}
   */
  function inTurn(task) {
    const done = last.then(task);
    last = done.catch(() => {});
    return done;
  }

  /**
   * @param {faceattr.Entry} entry
   * @returns {boolean} whether it failed for a reason that may have passed
   */
  function canBeRetried({ state, problem }) {
    return state === 'failed' && problem !== null && WORTH_ANOTHER_TRY.has(problem.code);
  }

  /** @param {faceattr.Entry[]} failed photos to send again */
  function retry(failed) {
    for (const entry of failed) {
      Object.assign(entry, { state: 'waiting', problem: null, refusals: 0 });
      tell(entry);
    }
    wake();
    work();
  }

  /**
   * Gives up the photos that have neither answer nor problem yet.
   * @returns {faceattr.Entry[]} those that are left
   */
  function stop() {
    halt();
    entries = entries.filter(({ state }) => state === 'done' || state === 'failed');
    return entries;
  }

  function halt() {
    running.abort(CANCELLED);
    running = new AbortController();
    working = false;
  }

  function clear() {
    halt();
    entries = [];
  }

  return {
    start,
    work,
    canBeRetried,
    retry,
    stop,
    clear,
    inTurn,
    LIMIT,
    all: () => entries,
    /** @returns {boolean} whether a photo is still without its answer */
    unfinished: () => entries.some(({ state }) => state === 'waiting' || state === 'busy'),
    /** @param {(entry: faceattr.Entry) => void} listener called when a photo's state has changed */
    onChange(listener) {
      tell = listener;
    },
  };
})();
