'use strict';

/** What the panel says on top: the state of the photo on show — empty, busy, result, none, error — and what to do next. */
faceattr.head = (() => {
  const { say } = faceattr.wording;
  const element = Object.fromEntries(
    ['page', 'title', 'lead', 'progress', 'retry', 'choose', 'cancel', 'which', 'reference', 'times', 'model', 'spoken', 'film']
      .map((id) => [id, document.getElementById(id)]),
  );
  let countdown = 0;

  function empty() {
    enter('empty', say('headline'), say('lead'));
    speak('');
  }

  function busy() {
    clearTrouble();
    if (element.page.dataset.state === 'busy') return;
    enter('busy', say('busy.title'), '');
    speak(say('busy.title'));
  }

  /**
   * @param {faceattr.Answer} answer
   * @param {number} roundTrip milliseconds
   */
  function result(answer, roundTrip) {
    const { faces, model, timing_ms } = answer;
    clearTrouble();
    if (faces.length > 0) {
      enter('result', say('faces.heading', { n: faces.length }), '');
      speak(faceattr.wording.spokenResult(faces));
    } else {
      enter('none', say('none.title'), say('none.help'));
      speak(`${say('none.title')}. ${say('none.help')}`);
    }
    element.times.replaceChildren(
      ...faceattr.wording.times(timing_ms ?? {}, roundTrip).map((words) => Object.assign(document.createElement('span'), { textContent: words })),
    );
    if (model) element.model.textContent = say('model', { pack: model.pack, version: model.version });
  }

  /**
   * @param {InstanceType<typeof faceattr.api.Problem>} problem
   * @param {faceattr.Entry | null} entry that has it
   */
  function error(problem, entry) {
    const { title, help } = faceattr.wording.problem(problem.code);
    enter('error', title, help);
    element.page.dataset.problem = problem.code;
    speak(`${title} ${help}`);
    element.reference.textContent = problem.reference ? say('reference', { id: problem.reference }) : '';
    element.reference.hidden = !problem.reference;
    element.which.textContent = entry?.photo.name ?? '';
    element.which.hidden = element.film.hidden || element.which.textContent === '';
    element.retry.hidden = !(entry && faceattr.queue.canBeRetried(entry));
    countDown(problem.retryAfter);
  }

  /**
   * Counts down on the retry button; it can be pressed early, and a photo on its own is not sent without a press.
   * @param {number} seconds
   */
  function countDown(seconds) {
    clearTimeout(countdown);
    element.retry.textContent = seconds > 0 ? say('retryIn', { n: seconds }) : say('retry');
    if (seconds > 0) countdown = setTimeout(countDown, 1000, seconds - 1);
  }

  function clearTrouble() {
    clearTimeout(countdown);
    rescueFocus(element.retry);
    for (const id of ['retry', 'reference', 'which']) element[id].hidden = true;
    delete element.page.dataset.problem;
  }

  /** Forgets what was said about the last photo. */
  function clear() {
    clearTrouble();
    element.times.textContent = '';
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
    /** @type {Element} */ (element.choose.lastElementChild).textContent = say(state === 'empty' ? 'choose' : 'chooseAnother');
  }

  /**
   * Focus must not vanish with what is about to.
   * @param {HTMLElement} leaving
   */
  function rescueFocus(leaving) {
    if (leaving.contains(document.activeElement)) element.title.focus();
  }

  /** @param {string} words for those who listen */
  function speak(words) {
    element.spoken.textContent = words;
  }

  return { empty, busy, result, error, clear, rescueFocus, speak };
})();
