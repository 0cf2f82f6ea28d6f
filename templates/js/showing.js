'use strict';

/** The photo on show: its picture, boxes and cards. Of no other photo are the full-size pixels held. */
faceattr.showing = (() => {
  const { photo, boxes, cards, queue } = faceattr;
  const frame = document.getElementById('frame');
  const nothing = document.getElementById('no-picture');
  const canvas = /** @type {HTMLCanvasElement} */ (document.getElementById('photo'));
  /** @type {HTMLImageElement | null} */
  let image = null;

  /** @param {HTMLImageElement | null} loaded null where the browser cannot show the photo */
  function picture(loaded) {
    image = loaded;
    frame.hidden = image === null;
    if (image === null) return photo.clear(canvas);
    photo.draw(image, canvas);
    frame.style.setProperty('--ratio', String(canvas.width / canvas.height));
  }

  /**
   * The faces of an answered photo. Where browser and server do not see the same picture, it is the server's.
   * @param {faceattr.Entry} entry
   * @param {faceattr.Answer} answer
   * @param {AbortSignal} signal
   */
  async function faces(entry, answer, signal) {
    const isOwn = image !== null && photo.agrees(image, answer.image);
    if (!isOwn) {
      const seen = await asSeenByServer(entry, signal);
      if (signal.aborted) return;
      picture(seen);
      nothing.hidden = seen !== null;
      if (seen) faceattr.strip.draw(entry.number, seen);
    }
    if (image) boxes.show(answer, !isOwn);
    cards.show(answer, image);
    if (answer.faces.length > 0) faceattr.saves.show(entry);
    image = null; // everything is drawn
  }

  /**
   * @param {faceattr.Entry} entry
   * @param {AbortSignal} signal
   * @returns {Promise<HTMLImageElement | null>} null also when the server fails now: the values are there without it
   */
  async function asSeenByServer({ photo: file, model }, signal) {
    try {
      const { result } = await queue.inTurn(() => faceattr.api.analyze(file, 'png', signal, { model }));
      return result ? await photo.load(photo.fromBase64(result, 'image/png')) : null;
    } catch (error) {
      if (!signal.aborted && !(error instanceof faceattr.api.Problem)) throw error;
      return null;
    }
  }

  /** Takes the photo and all that belongs to it off the page. */
  function clear() {
    picture(null);
    nothing.hidden = true;
    boxes.clear();
    cards.clear();
    faceattr.highlight.clear();
    faceattr.saves.clear();
  }

  return { picture, faces, clear };
})();
