'use strict';

/** When the next frame may be sent: as fast as answers come, with room to breathe for who else needs the machine. Pure. */
faceattr.pace = (() => {
  /** More than this a second nobody sees, and the room stays cooler. */
  const SHORTEST_MS = 50;
  /** Pause after an answer, as a part of the time that it took. */
  const BREATH = 0.15;
  const BREATH_MS = [5, 100];
  const WINDOW_MS = 3000;

  function create() {
    let sentAt = -Infinity;
    let readyAt = -Infinity;
    let answerMs = 0;
    /** @type {number[]} */
    let answers = [];

    /** @param {number} now */
    function sent(now) {
      sentAt = now;
    }

    /** @param {number} now */
    function answered(now) {
      const took = now - sentAt;
      answerMs = answerMs === 0 ? took : answerMs + 0.2 * (took - answerMs);
      const breath = Math.min(Math.max(BREATH * took, BREATH_MS[0]), BREATH_MS[1]);
      readyAt = Math.max(now + breath, sentAt + SHORTEST_MS);
      answers = [...recent(now), now];
    }

    /**
     * @param {number} now
     * @param {number} pause milliseconds
     */
    function failed(now, pause) {
      readyAt = now + pause;
    }

    /**
     * @param {number} now
     * @returns {number} milliseconds until the next frame may go; 0: at once
     */
    function wait(now) {
      return Math.max(0, readyAt - now);
    }

    /**
     * @param {number} now
     * @returns {{perSecond: number, answerMs: number}} of the last seconds
     */
    function figures(now) {
      answers = recent(now);
      const spanned = answers.length > 1 ? answers[answers.length - 1] - answers[0] : 0;
      return { perSecond: spanned > 0 ? ((answers.length - 1) * 1000) / spanned : 0, answerMs };
    }

    /** @type {(now: number) => number[]} */
    const recent = (now) => answers.filter((time) => now - time < WINDOW_MS);

    return { sent, answered, failed, wait, figures };
  }

  return { create };
})();
