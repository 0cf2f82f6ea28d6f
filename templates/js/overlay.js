'use strict';

/** Boxes, labels and masks over the picture of the camera, moved at the rate of the display. */
faceattr.overlay = (() => {
  const { camera, live, settings, motion, captions } = faceattr;
  const { say } = faceattr.wording;
  const frame = document.getElementById('live-frame');
  const group = document.getElementById('live-boxes');
  /** In which a box goes most of its way to where its face is. */
  const GLIDE_MS = 60;
  /** A box pales when its face was missed more than once, or nothing was answered for so long. */
  const PALE_MS = 1000;
  /** Without an answer for so long nobody knows where faces are: the whole picture is covered. */
  const BLIND_MS = 1500;
  /** A mask is larger than its box by this part on each side; and so many squares wide and high. */
  const MARGIN = 0.2;
  const SQUARES = [5, 6];

  /**
   * @typedef {object} OnlyBox
   * @property {HTMLElement} element
   * @property {HTMLElement} number
   * @property {HTMLElement} label
   * @property {HTMLCanvasElement} mask
   * @property {faceattr.Track} track
   */
  /** @typedef {OnlyBox & faceattr.Captioned} Box */
  /** @type {Map<number, Box>} */
  const boxes = new Map();
  let width = 0;
  let height = 0;
  let drawnAt = 0;
  let request = 0;

  /** @type {(tracks: faceattr.Track[], now: number, all: faceattr.Track[]) => void} */
  function take(_, __, all) {
    const ids = new Set(all.map(({ id }) => id));
    for (const [id, { element }] of boxes) {
      if (ids.has(id)) continue;
      element.remove();
      boxes.delete(id);
    }
    for (const track of all) {
      const box = boxes.get(track.id) ?? made(track);
      box.track = track;
      write(box);
    }
    captions.shorten([...boxes.values()], width, height, sides);
  }

  /**
   * @param {faceattr.Track} track
   * @returns {Box}
   */
  function made(track) {
    const element = part('div', 'live-box brackets');
    const mask = /** @type {HTMLCanvasElement} */ (part('canvas', 'mask'));
    [mask.width, mask.height] = SQUARES;
    const caption = part('p', 'caption');
    const [number, label] = [part('span', 'tag'), part('span', 'says')];
    caption.append(number, label);
    element.append(mask, caption);
    group.append(element);
    const box = { element, caption, number, label, room: 0, tall: 0, side: /** @type {const} */ ('over'), mask, track, shown: motion.ahead(track, performance.now()) };
    boxes.set(track.id, box);
    return box;
  }

  /** @type {(tag: string, className: string) => HTMLElement} */
  const part = (tag, className) => Object.assign(document.createElement(tag), { className });

  /** @param {Box} box */
  function write(box) {
    const { element, caption, number, label, track } = box;
    const words = say('live.label', { gender: faceattr.wording.gender(track.value), years: track.years });
    const texts = [String(track.number), track.uncertain ? say('live.unsureLabel', { label: words }) : words];
    element.classList.toggle('believed', track.number > 0);
    if (box.room > 0 && number.textContent === texts[0] && label.textContent === texts[1]) return;
    [number.textContent, label.textContent] = texts;
    caption.classList.remove('brief');
    box.room = caption.offsetWidth;
    box.tall = caption.offsetHeight;
  }

  /** @param {number} now */
  function draw(now) {
    request = requestAnimationFrame(draw);
    const share = 1 - Math.exp(-Math.min(now - drawnAt, 1000) / GLIDE_MS);
    drawnAt = now;
    const blurs = settings.get('blur');
    const silence = live.silence();
    const isSilent = silence > PALE_MS + live.figures().answerMs;
    frame.classList.toggle('blind', blurs && silence > BLIND_MS);
    for (const box of boxes.values()) {
      const aim = motion.ahead(box.track, now);
      for (const edge of /** @type {(keyof faceattr.Rectangle)[]} */ (Object.keys(aim))) box.shown[edge] += share * (aim[edge] - box.shown[edge]);
      box.element.classList.toggle('pale', isSilent || box.track.missed > 1);
      place(box);
      if (blurs) cover(box);
    }
  }

  /** @param {Box} box */
  function place(box) {
    const { element, shown } = box;
    const [from, to] = sides(shown);
    const { style, classList } = element;
    box.side = captions.side(box, height);
    style.transform = `translate(${(from * width).toFixed(1)}px, ${(shown.y_min * height).toFixed(1)}px)`;
    style.width = `${((to - from) * width).toFixed(1)}px`;
    style.height = `${((shown.y_max - shown.y_min) * height).toFixed(1)}px`;
    for (const side of ['under', 'within']) classList.toggle(side, box.side === side);
    classList.toggle('at-right', captions.endsWithFace(from));
  }

  /** @type {(box: faceattr.Rectangle) => [number, number]} left and right edge as the picture is shown */
  const sides = ({ x_min, x_max }) => (settings.get('mirror') ? [1 - x_max, 1 - x_min] : [x_min, x_max]);

  /**
   * Draws the face anew from the picture, in so few squares that it is nobody's.
   * @param {Box} box
   */
  function cover({ mask, shown }) {
    const { video } = camera;
    const [x, y] = [(shown.x_max - shown.x_min) * MARGIN, (shown.y_max - shown.y_min) * MARGIN];
    const left = Math.max(0, shown.x_min - x) * video.videoWidth;
    const top = Math.max(0, shown.y_min - y) * video.videoHeight;
    const right = Math.min(1, shown.x_max + x) * video.videoWidth;
    const bottom = Math.min(1, shown.y_max + y) * video.videoHeight;
    if (right - left < 1 || bottom - top < 1) return;
    const context = mask.getContext('2d', { alpha: false });
    if (!context) return;
    context.imageSmoothingQuality = 'high';
    context.drawImage(video, left, top, right - left, bottom - top, 0, 0, mask.width, mask.height);
  }

  function apply() {
    frame.classList.toggle('mirrored', settings.get('mirror'));
    frame.classList.toggle('covered', settings.get('blur'));
    frame.classList.toggle('nameless', settings.get('aggregate'));
  }

  function measure() {
    const { videoWidth, videoHeight } = camera.video;
    if (videoWidth > 0) frame.style.setProperty('--ratio', String(videoWidth / videoHeight));
    [width, height] = [group.clientWidth, group.clientHeight];
  }

  /** @param {ReturnType<typeof faceattr.views.current>} view */
  function follow(view) {
    cancelAnimationFrame(request);
    if (view !== 'live') return;
    frame.prepend(camera.video); // the view for photos may have borrowed it
    request = requestAnimationFrame(draw);
  }

  camera.video.setAttribute('aria-label', say('live.picture'));
  frame.prepend(camera.video);
  camera.video.addEventListener('resize', measure);
  new ResizeObserver(measure).observe(group);
  settings.onChange(apply);
  apply();
  live.onTracks(take);
  faceattr.views.onChange(follow);

  return { boxes: () => [...boxes.values()].map(({ track, shown }) => ({ id: track.id, ...shown })) };
})();
