'use strict';

/**
 * @typedef {object} faceattr.Captioned a face with its caption
 * @property {HTMLElement} caption
 * @property {faceattr.Track} track
 * @property {faceattr.Rectangle} shown in parts of the frame
 * @property {number} room that the whole caption takes, in pixels of its width
 * @property {number} tall it is, in pixels
 * @property {'over' | 'under' | 'within'} side of the face on which it is
 */

/** Where captions stand beside their faces, so that they cover neither these nor each other. */
faceattr.captions = (() => {
  const GAP = 4;
  /** A caption that has changed sides comes back when there is so much more room, in its heights: faces are never still. */
  const EASE = 0.5;
  /** Captions of faces that begin beyond this part of the picture end with the face. */
  const AT_RIGHT = 0.6;

  /**
   * Over the face; under it where the picture ends there; within a face that fills the picture.
   * @param {Pick<faceattr.Captioned, 'shown' | 'tall' | 'side'>} captioned
   * @param {number} height of the picture in pixels
   * @returns {faceattr.Captioned['side']}
   */
  function side({ shown, tall, side }, height) {
    const needed = (/** @type {typeof side} */ there) => (tall + GAP) * (side === there ? 1 : 1 + EASE);
    if (shown.y_min * height >= needed('over')) return 'over';
    return (1 - shown.y_max) * height >= needed('under') ? 'under' : 'within';
  }

  /**
   * Where captions would lie over each other, the smaller face's is its number only: the rest stands in the list.
   * @param {faceattr.Captioned[]} faces
   * @param {number} width of the picture in pixels
   * @param {number} height
   * @param {(shown: faceattr.Rectangle) => [number, number]} sides left and right edge as the picture is shown
   */
  function shorten(faces, width, height, sides) {
    /** @type {faceattr.Rectangle[]} */
    const taken = [];
    const wide = (/** @type {faceattr.Captioned} */ { shown }) => shown.x_max - shown.x_min;
    for (const { caption, shown, room, tall, side } of faces.filter(({ track }) => track.number > 0).sort((a, b) => wide(b) - wide(a))) {
      const [from, to] = sides(shown);
      const left = endsWithFace(from) ? to * width - room : from * width;
      const [top, bottom] = [shown.y_min * height, shown.y_max * height];
      const above = { over: top - tall - GAP, under: bottom + GAP, within: top }[side];
      const place = { x_min: left, x_max: left + room, y_min: above, y_max: above + tall };
      const isBrief = taken.some((other) => faceattr.motion.iou(other, place) > 0);
      caption.classList.toggle('brief', isBrief);
      if (!isBrief) taken.push(place);
    }
  }

  /** @param {number} from left edge of the face, in parts of the picture */
  function endsWithFace(from) {
    return from > AT_RIGHT;
  }

  return { side, shorten, endsWithFace };
})();
