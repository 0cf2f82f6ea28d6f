'use strict';

/** Photos as pixels. Each lives on one canvas of bounded size: nothing piles up on a page that is open for months. */
faceattr.photo = (() => {
  const LONGEST_SIDE = 2560;
  const AROUND_FACE = 1.4;

  /**
   * @param {Blob} blob
   * @returns {Promise<HTMLImageElement | null>} upright by its EXIF orientation; null when the browser cannot show it
   */
  async function load(blob) {
    const image = new Image();
    const url = URL.createObjectURL(blob);
    try {
      image.src = url;
      await image.decode();
      return image.naturalWidth > 0 ? image : null;
    } catch {
      return null;
    } finally {
      URL.revokeObjectURL(url);
    }
  }

  /**
   * @param {string} base64 of a picture
   * @param {string} type of it, such as `image/png`
   * @returns {Blob}
   */
  function fromBase64(base64, type) {
    const text = atob(base64);
    const bytes = new Uint8Array(text.length);
    for (let at = 0; at < text.length; at += 1) bytes[at] = text.charCodeAt(at); // Uint8Array.from takes ten times as long
    return new Blob([bytes], { type });
  }

  /**
   * @param {HTMLImageElement} image
   * @param {HTMLCanvasElement} canvas takes the photo's shape; at most 2560 pixels on its longer side
   */
  function draw(image, canvas) {
    const scale = Math.min(1, LONGEST_SIDE / Math.max(image.naturalWidth, image.naturalHeight));
    canvas.width = Math.max(1, Math.round(image.naturalWidth * scale));
    canvas.height = Math.max(1, Math.round(image.naturalHeight * scale));
    smoothContext(canvas).drawImage(image, 0, 0, canvas.width, canvas.height);
  }

  /**
   * The middle of a photo as a small square.
   * @param {HTMLImageElement} image
   * @param {HTMLCanvasElement} canvas
   * @param {number} side of the square in pixels
   */
  function thumbnail(image, canvas, side) {
    const { naturalWidth, naturalHeight } = image;
    const reach = Math.min(naturalWidth, naturalHeight);
    canvas.width = canvas.height = side;
    // A face is more often in the upper half of a tall photo than in its lower.
    smoothContext(canvas).drawImage(image, (naturalWidth - reach) / 2, (naturalHeight - reach) / 3, reach, reach, 0, 0, side, side);
  }

  /**
   * @param {HTMLCanvasElement} canvas gives its pixels back
   */
  function clear(canvas) {
    canvas.width = 0;
    canvas.height = 0;
  }

  /**
   * A square cut around a face.
   * @param {HTMLImageElement} image
   * @param {faceattr.Face['box']} box in pixels of the full-size photo
   * @param {number} fullWidth of that photo
   * @param {number} side of the cut in pixels
   * @returns {HTMLCanvasElement}
   */
  function cut(image, box, fullWidth, side) {
    const scale = image.naturalWidth / fullWidth;
    const reach = Math.max(box.x_max - box.x_min, box.y_max - box.y_min) * AROUND_FACE * scale;
    const left = ((box.x_min + box.x_max) / 2) * scale - reach / 2;
    const top = ((box.y_min + box.y_max) / 2) * scale - reach / 2;
    const canvas = document.createElement('canvas');
    canvas.width = canvas.height = side;
    if (reach > 0) smoothContext(canvas).drawImage(image, left, top, reach, reach, 0, 0, side, side);
    return canvas;
  }

  /**
   * @param {HTMLImageElement} image
   * @param {{width: number, height: number}} full size that the server saw, upright
   * @returns {boolean} whether browser and server agree which way is up
   */
  function agrees(image, full) {
    return Math.abs(image.naturalWidth / image.naturalHeight / (full.width / full.height) - 1) < 0.01;
  }

  /**
   * @param {HTMLCanvasElement} canvas
   * @returns {CanvasRenderingContext2D}
   */
  function smoothContext(canvas) {
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
    context.imageSmoothingQuality = 'high';
    return context;
  }

  return { load, fromBase64, draw, thumbnail, clear, cut, agrees };
})();
