'use strict';

/** Takes an answer home: the photo with its faces drawn in, and the values as JSON. A kiosk's disk is no place for either. */
faceattr.saves = (() => {
  const { say, facts } = faceattr.wording;
  const { Problem } = faceattr.api;
  /** Browsers may begin to read what is saved a while after they were told to. */
  const READ_MS = 30_000;
  const bar = document.getElementById('saves');
  const said = document.getElementById('saves-said');
  const picture = document.getElementById('save-picture');
  let leaving = new AbortController();
  /** @type {faceattr.Entry | null} */
  let entry = null;

  /** @param {faceattr.Entry} answered */
  function show(answered) {
    entry = answered;
    bar.hidden = Boolean(facts.kiosk);
  }

  function clear() {
    leaving.abort();
    leaving = new AbortController();
    entry = null;
    bar.hidden = true;
    said.textContent = '';
    picture.removeAttribute('aria-busy');
  }

  /** The server draws it when it is asked for, with the pack that answered. A PNG stays one. */
  async function savePicture() {
    if (!entry || picture.getAttribute('aria-busy') === 'true') return;
    const { signal } = leaving;
    const { photo, model, number } = entry;
    const isPng = photo.type === 'image/png';
    picture.setAttribute('aria-busy', 'true');
    said.textContent = say('photos.drawing');
    try {
      const { result } = await faceattr.queue.inTurn(() => faceattr.api.analyze(photo, isPng ? 'png' : 'jpeg', signal, { model }));
      if (signal.aborted) return;
      if (!result) throw new Problem('unknown');
      save(faceattr.photo.fromBase64(result, isPng ? 'image/png' : 'image/jpeg'), `faceattr-${number}.${isPng ? 'png' : 'jpg'}`);
      said.textContent = '';
    } catch (error) {
      if (signal.aborted) return;
      const { title, help } = faceattr.wording.problem(error instanceof Problem ? error.code : 'unknown');
      said.textContent = `${title} ${help}`;
      if (!(error instanceof Problem)) reportError(error);
    }
    picture.removeAttribute('aria-busy');
  }

  function saveValues() {
    if (!entry) return;
    const text = `${JSON.stringify(entry.answer, null, 2)}\n`;
    save(new Blob([text], { type: 'application/json' }), `faceattr-${entry.number}.json`);
  }

  /**
   * @param {Blob} blob
   * @param {string} name never the photo's own
   */
  function save(blob, name) {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), READ_MS);
  }

  picture.addEventListener('click', savePicture);
  document.getElementById('save-values').addEventListener('click', saveValues);

  return { show, clear };
})();
