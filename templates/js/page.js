'use strict';

/** Photos come in and one of them is on show: what is given, chosen, tried again, given up, taken off. */
faceattr.page = (() => {
  const { say } = faceattr.wording;
  const { queue, strip, showing, head } = faceattr;
  const { Problem } = faceattr.api;
  const several = document.getElementById('several');

  /** The photo on show. @type {faceattr.Entry | null} */
  let shown = null;
  let isLoaded = false;
  let leaving = new AbortController();

  /**
   * @param {File | File[]} photos to analyse in the place of those that are there
   * @param {number} given how many files the user gave at once
   */
  function analyze(photos, given) {
    const found = [photos].flat();
    const entries = queue.start(found);
    several.textContent = toldOf(given, found.length, entries.length);
    several.hidden = several.textContent === '';
    strip.show(entries);
    show(entries[0]);
    queue.work();
  }

  /**
   * @param {number} given files
   * @param {number} found photos among them
   * @param {number} taken
   * @returns {string}
   */
  function toldOf(given, found, taken) {
    if (taken < found) return say('photos.tooMany', { given: found, n: taken });
    return taken < given ? say('photos.among', { given, n: taken }) : '';
  }

  /** @param {faceattr.Entry} entry takes the place of the photo on show, which stays until there is a result to show */
  async function show(entry) {
    leave();
    const { signal } = leaving;
    shown = entry;
    strip.mark(entry);
    const hadAnswer = entry.state === 'done';
    if (!hadAnswer) {
      clear();
      settle();
    }
    if (entry.problem && entry.refusals === 0) return; // it was too large to be sent, and is too large to be shown
    const image = await faceattr.photo.load(entry.photo);
    if (signal.aborted) return;
    if (hadAnswer) clear();
    showing.picture(image);
    isLoaded = true;
    if (entry.state === 'done') settle();
  }

  /** Says how it stands with the photo on show, and shows its faces as soon as they and the picture are there. */
  async function settle() {
    const entry = shown;
    if (entry?.state === 'failed' && entry.problem) head.error(entry.problem, entry);
    else if (entry?.state === 'done' && entry.answer && isLoaded) await finish(entry, entry.answer, leaving.signal);
    else head.busy();
  }

  /**
   * @param {faceattr.Entry} entry
   * @param {faceattr.Answer} answer
   * @param {AbortSignal} signal
   */
  async function finish(entry, answer, signal) {
    try {
      await showing.faces(entry, answer, signal);
      if (!signal.aborted) head.result(answer, entry.roundTrip);
    } catch (error) {
      head.error(new Problem('unknown'), null);
      reportError(error);
    }
  }

  /** Takes the last photo and all that belongs to it off the page. */
  function clear() {
    isLoaded = false;
    for (const id of ['cards', 'boxes', 'saves']) head.rescueFocus(document.getElementById(id));
    head.clear();
    showing.clear();
  }

  /** What is still on its way to the photo on show is no longer wanted. */
  function leave() {
    leaving.abort();
    leaving = new AbortController();
  }

  /** Gives up what has no answer yet; what has one stays. */
  function cancel() {
    if (!queue.unfinished()) return;
    const left = queue.stop();
    strip.keep(left);
    if (left.length === 0) reset();
    else if (shown && left.includes(shown)) strip.mark(shown);
    else show(left[left.length - 1]);
    head.speak(say('cancelled'));
  }

  /** Takes everything off, back to the start. */
  function reset() {
    leave();
    queue.clear();
    head.rescueFocus(document.getElementById('film'));
    strip.clear();
    faceattr.shot.close();
    shown = null;
    clear();
    several.hidden = true;
    head.empty();
  }

  /** Something was given that is no file at all. */
  function refuse() {
    reset();
    head.error(new Problem('not_a_file'), null);
  }

  queue.onChange((entry) => {
    strip.update(entry);
    if (entry === shown) settle();
  });
  strip.onChoose(show);
  document.getElementById('cancel').addEventListener('click', cancel);
  document.getElementById('film-stop').addEventListener('click', cancel);
  document.getElementById('film-clear').addEventListener('click', reset);
  document.getElementById('retry').addEventListener('click', () => shown && queue.canBeRetried(shown) && queue.retry([shown]));
  document.addEventListener('keydown', (event) => event.key === 'Escape' && !document.querySelector('dialog[open]') && cancel());
  faceattr.intake.start(analyze, refuse);

  return { analyze, reset };
})();
