'use strict';

/** Who is before the camera now: a line for each, and words for those who listen. */
faceattr.people = (() => {
  const { live, wording, settings, camera } = faceattr;
  const { say } = wording;
  const list = document.getElementById('live-people');
  const title = document.getElementById('live-title');
  const lead = document.getElementById('live-lead');
  const spoken = document.getElementById('live-spoken');
  const rate = document.getElementById('live-rate');
  const answer = document.getElementById('live-answer');
  const tenths = new Intl.NumberFormat(wording.facts.lang, { maximumFractionDigits: 1, minimumFractionDigits: 1 });
  const whole = new Intl.NumberFormat(wording.facts.lang, { maximumFractionDigits: 0 });
  /** Figures that change more often cannot be read. */
  const REDRAW_MS = 250;
  const SPEAK_MS = 5000;
  /** What is spoken has held for so long. */
  const SETTLED_MS = 1000;

  /** @type {faceattr.Track[]} */
  let people = [];
  /** @type {Map<number, {item: HTMLElement, update: (track: faceattr.Track) => void}>} */
  const lines = new Map();
  let timer = 0;
  let key = '';
  let keyAt = 0;
  let spokenKey = '';
  let spokenAt = -Infinity;

  /** @param {faceattr.Track[]} tracks */
  function take(tracks) {
    people = tracks;
    timer ||= setTimeout(redraw, REDRAW_MS);
  }

  function redraw() {
    timer = 0;
    if (!live.running()) return clear();
    const isSeen = camera.state() === 'running';
    write(title, !isSeen ? say('live.go') : people.length > 0 ? say('live.heading', { n: people.length }) : say('live.nobody'));
    write(lead, !isSeen ? say('live.lead') : people.length > 0 ? '' : say('live.nobodyHelp'));
    lead.hidden = lead.textContent === '';
    showLines(settings.get('aggregate') ? [] : people);
    const { perSecond, answerMs } = live.figures();
    write(rate, perSecond > 0 ? say('live.rate', { n: tenths.format(perSecond) }) : '');
    write(answer, perSecond > 0 ? say('live.answer', { n: whole.format(answerMs) }) : '');
    if (isSeen && Number.isFinite(live.silence())) speak(performance.now());
  }

  /** @param {faceattr.Track[]} shown */
  function showLines(shown) {
    const ids = new Set(shown.map(({ id }) => id));
    for (const [id, { item }] of lines) {
      if (ids.has(id)) continue;
      item.remove();
      lines.delete(id);
    }
    shown.forEach((track, index) => {
      const line = lines.get(track.id) ?? faceattr.person.line();
      lines.set(track.id, line);
      line.update(track);
      if (list.children[index] !== line.item) list.insertBefore(line.item, list.children[index] ?? null);
    });
    list.dataset.count = shown.length === 1 ? 'one' : shown.length <= 4 ? 'few' : 'many';
  }

  /**
   * Says who is there when that has changed and settled, and not too often.
   * @param {number} now
   */
  function speak(now) {
    const isCounted = settings.get('aggregate');
    const next = isCounted ? String(people.length) : people.map(({ id, value, uncertain }) => [id, value, uncertain].join()).join(';');
    if (next !== key) [key, keyAt] = [next, now];
    if (key === spokenKey || now - keyAt < SETTLED_MS || now - spokenAt < SPEAK_MS) return;
    [spokenKey, spokenAt] = [key, now];
    if (people.length === 0) spoken.textContent = say('live.nobody');
    else spoken.textContent = isCounted ? say('live.heading', { n: people.length }) : wording.spokenResult(people.map(asFace));
  }

  /**
   * @param {faceattr.Track} track
   * @returns {faceattr.Face}
   */
  function asFace({ box, confidence, value, probability, years, low, high, uncertain }) {
    return { box: { ...box, probability: confidence }, gender: { value, probability }, age: { years, low, high }, uncertain };
  }

  function clear() {
    clearTimeout(timer);
    timer = 0;
    people = [];
    showLines([]);
    for (const element of [spoken, rate, answer]) element.textContent = '';
    key = spokenKey = '';
  }

  /** @type {(element: HTMLElement, text: string) => void} */
  const write = (element, text) => {
    if (element.textContent !== text) element.textContent = text;
  };

  live.onTracks(take);
  camera.onState(redraw);
  settings.onChange(redraw);
  // Without answers the figures and words must not stand still.
  setInterval(() => live.running() && redraw(), 1000);

  return {};
})();
