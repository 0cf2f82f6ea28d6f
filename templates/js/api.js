'use strict';

/**
 * @typedef {object} faceattr.Face
 * @property {{x_min: number, y_min: number, x_max: number, y_max: number, probability: number}} box
 * @property {{value: string, probability: number, probabilities?: Record<string, number>}} gender
 * @property {{years: number, low: number, high: number, label?: string, interval?: [number, number] | null, distribution?: number[]}} age
 * @property {{touches_edge: boolean}} [quality]
 * @property {boolean} uncertain
 */
/**
 * @typedef {object} faceattr.Answer
 * @property {string} [result] the annotated photo in base64
 * @property {faceattr.Face[]} faces
 * @property {{width: number, height: number}} image of the full-size upright photo
 * @property {{pack: string, version: string}} [model]
 * @property {Record<string, number>} [timing_ms]
 */
/**
 * @typedef {object} faceattr.Wishes
 * @property {string} [model] the pack to ask; the chosen one unless given
 * @property {boolean} [distribution] whether every class of age is to have its probability
 */

/** The door to the server: a photo goes out, an answer or a problem comes back. */
faceattr.api = (() => {
  const PATIENCE_MS = 120_000;

  /** Why there is no answer; `code` is the server's, or `network`, `timeout`, `unreadable`, `unknown`. */
  class Problem extends Error {
    /**
     * @param {string} code
     * @param {{reference?: string, retryAfter?: number}} [more] the server's request id; seconds to wait
     */
    constructor(code, { reference = '', retryAfter = 0 } = {}) {
      super(code);
      this.code = code;
      this.reference = reference;
      this.retryAfter = retryAfter;
    }
  }

  /** @returns {string} the pack that the page has chosen; empty where there is no choice */
  function chosenModel() {
    return /** @type {HTMLSelectElement | null} */ (document.getElementById('pack'))?.value ?? '';
  }

  /**
   * @param {Blob} photo sent without its name, which is nobody's business
   * @param {'none' | 'png' | 'jpeg'} annotate
   * @param {AbortSignal} signal
   * @param {faceattr.Wishes} [wishes]
   * @returns {Promise<faceattr.Answer>}
   * @throws {Problem}, or the signal's own reason when it was aborted
   */
  async function analyze(photo, annotate, signal, wishes = {}) {
    const patience = new AbortController();
    const timer = setTimeout(() => patience.abort(new Problem('timeout')), PATIENCE_MS);
    const stop = () => patience.abort(signal.reason);
    signal.addEventListener('abort', stop);
    try {
      signal.throwIfAborted();
      return await ask(photo, annotate, patience.signal, wishes);
    } catch (error) {
      patience.signal.throwIfAborted();
      if (error instanceof Problem) throw error;
      throw new Problem((await isReadable(photo)) ? 'network' : 'unreadable');
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
    }
  }

  /**
   * @param {Blob} photo
   * @param {string} annotate
   * @param {AbortSignal} signal
   * @param {faceattr.Wishes} wishes
   * @returns {Promise<faceattr.Answer>}
   */
  async function ask(photo, annotate, signal, { model = chosenModel(), distribution = false }) {
    const body = new FormData();
    body.append('image', photo, 'photo');
    const query = new URLSearchParams({ annotate, ...(distribution && { distribution: 'true' }), ...(model && { model }) });
    const response = await fetch(`analyze?${query}`, { method: 'POST', body, signal, cache: 'no-store' });
    const text = await response.text();
    const answer = parsed(text);
    if (!response.ok) throw problemOf(response, answer);
    if (!isAnswer(answer)) throw new Problem('unknown');
    return answer;
  }

  /**
   * @param {Response} response
   * @param {any} answer
   * @returns {Problem}
   */
  function problemOf(response, answer) {
    const wait = Number(response.headers.get('Retry-After'));
    return new Problem(typeof answer?.code === 'string' ? answer.code : codeOfProxy(response.status), {
      reference: typeof answer?.request_id === 'string' ? answer.request_id : '',
      retryAfter: Number.isFinite(wait) ? Math.min(Math.max(Math.ceil(wait), 0), 300) : 0,
    });
  }

  /**
   * Something between here and the server may answer in its place, without a code.
   * @param {number} status
   * @returns {string}
   */
  function codeOfProxy(status) {
    return { 401: 'unauthorized', 413: 'body_too_large', 429: 'rate_limited', 502: 'network', 503: 'overloaded', 504: 'timeout' }[status] ?? 'unknown';
  }

  /**
   * @param {string} text
   * @returns {any} undefined for what is not JSON
   */
  function parsed(text) {
    try {
      return JSON.parse(text);
    } catch {
      return undefined;
    }
  }

  /**
   * @param {any} answer
   * @returns {answer is faceattr.Answer}
   */
  function isAnswer(answer) {
    return Array.isArray(answer?.faces) && answer.image?.width > 0 && answer.image?.height > 0 && answer.faces.every(isFace);
  }

  /**
   * @param {any} face
   * @returns {face is faceattr.Face}
   */
  function isFace(face) {
    const { box, gender, age } = face ?? {};
    const numbers = [box?.x_min, box?.y_min, box?.x_max, box?.y_max, box?.probability, gender?.probability, age?.years];
    return numbers.every(Number.isFinite) && typeof gender.value === 'string';
  }

  /**
   * A file can be moved or changed between choosing and sending; browsers report that as a network failure.
   * @param {Blob} photo
   * @returns {Promise<boolean>}
   */
  async function isReadable(photo) {
    try {
      await photo.slice(0, 1).arrayBuffer();
      return true;
    } catch {
      return false;
    }
  }

  return { analyze, chosenModel, Problem };
})();
