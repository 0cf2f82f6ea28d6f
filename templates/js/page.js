'use strict';

/** The page's states — empty, busy, result, none, error — and the one way between them: a photo. */
faceattr.page = (() => {
  const { say, facts } = faceattr.wording;
  const { Problem } = faceattr.api;
  const element = Object.fromEntries(
    ['page', 'frame', 'photo', 'no-picture', 'title', 'lead', 'progress', 'retry', 'choose', 'cancel', 'several', 'reference', 'times', 'model', 'spoken', 'cards', 'boxes']
      .map((id) => [id, document.getElementById(id)]),
  );
  const canvas = /** @type {HTMLCanvasElement} */ (element.photo);
  const RETRY = new Set(['network', 'timeout', 'request_timeout', 'rate_limited', 'overloaded', 'out_of_memory', 'draining', 'not_ready', 'internal', 'unknown', 'bad_base64']);
  const CANCELLED = Symbol('cancelled');

  /** The photo at work, kept for "Try again". @type {File | null} */
  let current = null;
  let running = new AbortController();
  let countdown = 0;

  /**
   * @param {File} photo
   * @param {number} given how many files the user gave at once
   */
  async function analyze(photo, given) {
    running.abort(CANCELLED);
    running = new AbortController();
    const { signal } = running;
    current = photo;
    begin(given);
    try {
      refuseBySize(photo);
      const started = performance.now();
      const asked = faceattr.api.analyze(photo, 'none', signal);
      asked.catch(() => {}); // awaited below, after the picture
      let image = await faceattr.photo.load(photo);
      signal.throwIfAborted();
      picture(image);
      let answer = await asked;
      const roundTrip = performance.now() - started;
      const ownPicture = image !== null && faceattr.photo.agrees(image, answer.image);
      if (!ownPicture) {
        answer = await faceattr.api.analyze(photo, 'png', signal);
        image = answer.result ? await faceattr.photo.loadBase64(answer.result) : null;
        signal.throwIfAborted();
        picture(image);
        element['no-picture'].hidden = image !== null;
      }
      finish(answer, image, !ownPicture, roundTrip);
    } catch (error) {
      if (signal.aborted && signal.reason === CANCELLED) return;
      fail(error instanceof Problem ? error : new Problem('unknown'));
      if (!(error instanceof Problem)) throw error;
    }
  }

  /** @param {File} photo */
  function refuseBySize(photo) {
    if (photo.size === 0) throw new Problem('empty_image');
    if (photo.size > facts.max_image_bytes) throw new Problem('image_too_large');
  }

  /** @param {number} given */
  function begin(given) {
    clear();
    enter('busy', say('busy.title'), '');
    element.several.textContent = given > 1 ? say('several', { n: given }) : '';
    element.several.hidden = given <= 1;
    element.spoken.textContent = say('busy.title');
  }

  /**
   * @param {faceattr.Answer} answer
   * @param {HTMLImageElement | null} image
   * @param {boolean} drawnIn
   * @param {number} roundTrip milliseconds
   */
  function finish(answer, image, drawnIn, roundTrip) {
    const { faces, model } = answer;
    if (faces.length > 0) {
      enter('result', say('faces.heading', { n: faces.length }), '');
      element.spoken.textContent = faceattr.wording.spokenResult(faces);
    } else {
      enter('none', say('none.title'), say('none.help'));
      element.spoken.textContent = `${say('none.title')}. ${say('none.help')}`;
    }
    if (image) faceattr.boxes.show(answer, drawnIn);
    faceattr.cards.show(answer, image);
    element.times.replaceChildren(
      ...faceattr.wording.times(answer.timing_ms, roundTrip).map((words) => Object.assign(document.createElement('span'), { textContent: words })),
    );
    if (model) element.model.textContent = say('model', { pack: model.pack, version: model.version });
  }

  /** @param {InstanceType<typeof Problem>} problem */
  function fail(problem) {
    const { title, help } = faceattr.wording.problem(problem.code);
    enter('error', title, help);
    element.page.dataset.problem = problem.code;
    element.spoken.textContent = `${title} ${help}`;
    element.reference.textContent = problem.reference ? say('reference', { id: problem.reference }) : '';
    element.reference.hidden = !problem.reference;
    element.retry.hidden = !(current && RETRY.has(problem.code));
    wait(problem.retryAfter);
  }

  /**
   * Counts down on the retry button; it can be pressed early, and nothing is sent without a press.
   * @param {number} seconds
   */
  function wait(seconds) {
    clearTimeout(countdown);
    element.retry.textContent = seconds > 0 ? say('retryIn', { n: seconds }) : say('retry');
    if (seconds > 0) countdown = setTimeout(wait, 1000, seconds - 1);
  }

  /** Takes the last photo and all that belongs to it off the page. */
  function clear() {
    clearTimeout(countdown);
    for (const id of ['retry', 'cards', 'boxes']) rescueFocus(element[id]);
    picture(null);
    faceattr.boxes.clear();
    faceattr.cards.clear();
    faceattr.highlight.clear();
    for (const id of ['retry', 'reference', 'several', 'no-picture']) element[id].hidden = true;
    element.times.textContent = '';
    delete element.page.dataset.problem;
  }

  /** @param {HTMLImageElement | null} image */
  function picture(image) {
    element.frame.hidden = image === null;
    if (image === null) return faceattr.photo.clear(canvas);
    faceattr.photo.draw(image, canvas);
    element.frame.style.setProperty('--ratio', String(canvas.width / canvas.height));
  }

  /**
   * @param {'empty' | 'busy' | 'result' | 'none' | 'error'} state
   * @param {string} title
   * @param {string} lead
   */
  function enter(state, title, lead) {
    if (state !== 'busy') rescueFocus(element.cancel);
    element.page.dataset.state = state;
    element.page.setAttribute('aria-busy', String(state === 'busy'));
    element.progress.hidden = element.cancel.hidden = state !== 'busy';
    element.title.textContent = title;
    element.lead.textContent = lead;
    element.lead.hidden = lead === '';
    element.choose.lastElementChild.textContent = say(state === 'empty' ? 'choose' : 'chooseAnother');
  }

  /**
   * Focus must not vanish with what is about to.
   * @param {HTMLElement} leaving
   */
  function rescueFocus(leaving) {
    if (leaving.contains(document.activeElement)) element.title.focus();
  }

  function cancel() {
    if (element.page.dataset.state !== 'busy') return;
    running.abort(CANCELLED);
    current = null;
    clear();
    enter('empty', say('headline'), say('lead'));
    element.spoken.textContent = say('cancelled');
  }

  element.cancel.addEventListener('click', cancel);
  element.retry.addEventListener('click', () => current && analyze(current, 1));
  document.addEventListener('keydown', (event) => event.key === 'Escape' && cancel());
  faceattr.intake.start(analyze, () => {
    running.abort(CANCELLED);
    current = null;
    clear();
    fail(new Problem('not_a_file'));
  });

  return { analyze };
})();
