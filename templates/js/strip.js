'use strict';

/** Several photos as a strip of thumbnails; the one on show is chosen there, by pointer or arrow keys. */
faceattr.strip = (() => {
  const { say, problem } = faceattr.wording;
  const { queue } = faceattr;
  const SIDE = 160;
  const element = Object.fromEntries(
    ['film', 'strip', 'film-place', 'film-count', 'film-retry', 'film-stop', 'film-clear'].map((id) => [id, document.getElementById(id)]),
  );
  const calm = matchMedia('(prefers-reduced-motion: reduce)');
  let building = new AbortController();
  /** @type {(entry: faceattr.Entry) => void} */
  let choose = () => {};
  /** @type {faceattr.Entry | null} */
  let chosen = null;

  /** @returns {HTMLElement[]} in the order of the photos */
  function options() {
    return /** @type {HTMLElement[]} */ ([...element.strip.children]);
  }

  /** @param {faceattr.Entry[]} entries a single photo has no strip */
  function show(entries) {
    clear();
    if (entries.length < 2) return;
    element.strip.append(...entries.map(option));
    for (const entry of entries) update(entry);
    element.film.hidden = false;
    picture(entries, building.signal);
  }

  /** @returns {HTMLElement} */
  function option() {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'frame-of-film';
    button.setAttribute('role', 'option');
    button.tabIndex = -1;
    const caption = Object.assign(document.createElement('span'), { className: 'came-of-it' });
    button.append(document.createElement('canvas'), caption);
    return button;
  }

  /**
   * Draws the thumbnails one by one; only their few pixels stay.
   * @param {faceattr.Entry[]} entries
   * @param {AbortSignal} signal
   */
  async function picture(entries, signal) {
    for (const { number, photo, problem } of entries) {
      const image = problem ? null : await faceattr.photo.load(photo);
      if (signal.aborted) return;
      if (image) draw(number, image);
    }
  }

  /**
   * @param {number} number
   * @param {HTMLImageElement} image
   */
  function draw(number, image) {
    const place = element.strip.querySelector(`[data-photo="${number}"] canvas`);
    if (place) faceattr.photo.thumbnail(image, /** @type {HTMLCanvasElement} */ (place), SIDE);
  }

  /** @param {faceattr.Entry} entry whose state has changed */
  function update(entry) {
    const place = queue.all().indexOf(entry);
    const button = options()[place];
    if (!button) return;
    const words = caption(entry);
    button.dataset.photo = String(entry.number);
    button.dataset.state = entry.state;
    /** @type {Element} */ (button.lastElementChild).textContent = words;
    const why = entry.state === 'failed' && entry.problem ? problem(entry.problem.code).title : '';
    button.setAttribute('aria-label', say('photos.option', { number: entry.number, words: why ? `${words}. ${why}` : words }));
    button.title = why && `${entry.photo.name}\n${why}`.trim();
    count();
  }

  /**
   * @param {faceattr.Entry} entry
   * @returns {string} its state in a word or two
   */
  function caption({ state, answer }) {
    if (state !== 'done' || !answer) return say(`photos.state.${state}`);
    const n = answer.faces.length;
    return n > 0 ? say('faces.heading', { n }) : say('photos.state.none');
  }

  /** Says how far the work is, and what can be done about the whole of it. */
  function count() {
    const all = queue.all();
    const done = all.filter(({ state }) => state === 'done' || state === 'failed').length;
    const faces = all.reduce((sum, { answer }) => sum + (answer?.faces.length ?? 0), 0);
    element['film-place'].textContent = chosen ? say('photos.place', { number: all.indexOf(chosen) + 1, n: all.length }) : '';
    element['film-count'].textContent = done < all.length ? say('photos.progress', { done, n: all.length }) : say('photos.total', { n: faces });
    const retriable = all.filter(queue.canBeRetried).length;
    element['film-retry'].textContent = say('photos.retry', { n: retriable });
    hide('film-retry', retriable === 0);
    hide('film-stop', done === all.length);
    hide('film-clear', done < all.length);
  }

  /**
   * Hides a button, but never with the focus on it.
   * @param {string} id
   * @param {boolean} hidden
   */
  function hide(id, hidden) {
    if (hidden && document.activeElement === element[id]) options().find(({ tabIndex }) => tabIndex === 0)?.focus({ preventScroll: true });
    element[id].hidden = hidden;
  }

  /** @param {faceattr.Entry} entry now on show */
  function mark(entry) {
    chosen = entry;
    const place = queue.all().indexOf(entry);
    options().forEach((button, index) => {
      button.setAttribute('aria-selected', String(index === place));
      button.tabIndex = index === place ? 0 : -1;
    });
    const button = options()[place];
    if (!button) return;
    const { offsetLeft, offsetWidth } = button;
    element.strip.scrollTo({ left: offsetLeft + offsetWidth / 2 - element.strip.clientWidth / 2, behavior: calm.matches ? 'auto' : 'smooth' });
    count();
  }

  /** @param {faceattr.Entry[]} entries all that are left of those on show */
  function keep(entries) {
    const left = new Set(entries.map(({ number }) => String(number)));
    for (const button of options()) if (!left.has(String(button.dataset.photo))) button.remove();
    if (entries.length < 2) clear();
  }

  function clear() {
    building.abort();
    building = new AbortController();
    chosen = null;
    element.strip.replaceChildren();
    element.film.hidden = true;
  }

  /** @param {KeyboardEvent} event from the strip, or from nowhere in particular */
  function walk(event) {
    const { target, key } = event;
    if (element.film.hidden || document.querySelector('dialog[open]')) return;
    const isInStrip = target instanceof Node && element.strip.contains(target);
    if (!isInStrip && !(target === document.body && key.startsWith('Arrow'))) return;
    if (faceattr.views.current() !== 'photo' || event.ctrlKey || event.altKey || event.metaKey) return;
    const all = queue.all();
    const here = all.findIndex((entry) => entry === chosen);
    const forward = document.dir === 'rtl' ? -1 : 1;
    /** @type {Record<string, number>} */
    const steps = { ArrowRight: here + forward, ArrowLeft: here - forward, Home: 0, End: all.length - 1 };
    if (!Object.hasOwn(steps, key)) return;
    event.preventDefault();
    const next = Math.min(Math.max(steps[key], 0), all.length - 1);
    options()[next].focus({ preventScroll: true });
    if (next !== here) choose(all[next]);
  }

  document.addEventListener('keydown', walk);
  element.strip.addEventListener('click', (event) => {
    const button = event.target instanceof Element ? event.target.closest('[data-photo]') : null;
    const entry = queue.all()[options().indexOf(/** @type {HTMLElement} */ (button))];
    if (entry && entry !== chosen) choose(entry);
  });
  element['film-retry'].addEventListener('click', () => queue.retry(queue.all().filter(queue.canBeRetried)));

  return {
    show,
    draw,
    update,
    mark,
    keep,
    clear,
    /** @param {(entry: faceattr.Entry) => void} listener called with the photo that is to be shown */
    onChoose(listener) {
      choose = listener;
    },
  };
})();
