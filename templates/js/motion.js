'use strict';

/**
 * In parts (0–1) of the frame, or in pixels.
 * @typedef {{x_min: number, y_min: number, x_max: number, y_max: number}} faceattr.Rectangle
 */
/**
 * @typedef {object} faceattr.Moving
 * @property {faceattr.Rectangle} box smoothed
 * @property {{x: number, y: number}} velocity of its centre a second
 * @property {number} seen when, in milliseconds
 */

/** Boxes that move: smoothed, and foreseen a little. Pure. */
faceattr.motion = (() => {
  /** A face is not expected to keep its speed for longer. */
  const FORESEEN_MS = 300;

  /**
   * An alpha–beta filter: jitter is smoothed away, a face that really moves is followed.
   * @param {faceattr.Moving} moving
   * @param {faceattr.Rectangle} found
   * @param {number} now
   */
  function follow(moving, found, now) {
    const seconds = Math.max(now - moving.seen, 1) / 1000;
    const foreseen = middle(ahead(moving, now));
    const here = middle(found);
    const size = Math.max(foreseen.width, foreseen.height);
    const [x, y] = [here.x - foreseen.x, here.y - foreseen.y];
    const alpha = gain(Math.hypot(x, y) / size);
    const beta = (alpha * alpha) / (2 - alpha);
    const trust = seconds * 1000 > FORESEEN_MS ? 0 : 1; // frames too far apart say nothing about speed
    moving.velocity = { x: trust * (moving.velocity.x + (beta * x) / seconds), y: trust * (moving.velocity.y + (beta * y) / seconds) };
    const change = gain(Math.max(Math.abs(here.width - foreseen.width), Math.abs(here.height - foreseen.height)) / size);
    const width = foreseen.width + change * (here.width - foreseen.width);
    const height = foreseen.height + change * (here.height - foreseen.height);
    moving.box = around(foreseen.x + alpha * x, foreseen.y + alpha * y, width, height);
  }

  /**
   * How much of a difference to follow at once.
   * @param {number} difference as a part of the face's size
   * @returns {number} 0 to 1
   */
  function gain(difference) {
    return Math.min(0.3 + 2.75 * difference, 0.85);
  }

  /**
   * @param {faceattr.Moving} moving
   * @param {number} now
   * @returns {faceattr.Rectangle} where the box should be by now
   */
  function ahead({ box, velocity, seen }, now) {
    const seconds = Math.min(Math.max(now - seen, 0), FORESEEN_MS) / 1000;
    const [x, y] = [velocity.x * seconds, velocity.y * seconds];
    return { x_min: box.x_min + x, y_min: box.y_min + y, x_max: box.x_max + x, y_max: box.y_max + y };
  }

  /** @param {faceattr.Rectangle} box */
  function middle({ x_min, y_min, x_max, y_max }) {
    return { x: (x_min + x_max) / 2, y: (y_min + y_max) / 2, width: x_max - x_min, height: y_max - y_min };
  }

  /** @type {(x: number, y: number, width: number, height: number) => faceattr.Rectangle} */
  const around = (x, y, width, height) => ({ x_min: x - width / 2, y_min: y - height / 2, x_max: x + width / 2, y_max: y + height / 2 });

  /**
   * @param {faceattr.Rectangle} a
   * @param {faceattr.Rectangle} b
   * @returns {number} intersection over union, 0 to 1
   */
  function iou(a, b) {
    const width = Math.min(a.x_max, b.x_max) - Math.max(a.x_min, b.x_min);
    const height = Math.min(a.y_max, b.y_max) - Math.max(a.y_min, b.y_min);
    if (width <= 0 || height <= 0) return 0;
    const area = (/** @type {faceattr.Rectangle} */ box) => (box.x_max - box.x_min) * (box.y_max - box.y_min);
    return (width * height) / (area(a) + area(b) - width * height);
  }

  return { follow, ahead, middle, iou };
})();
