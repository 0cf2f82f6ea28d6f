'use strict';

/**
 * One person followed through the frames. Boxes are in parts (0–1) of the frame, times in milliseconds of `performance.now()`.
 * @typedef {object} faceattr.Track
 * @property {number} id never given twice
 * @property {number} number the smallest free one, for people to read
 * @property {faceattr.Rectangle} box smoothed
 * @property {{x: number, y: number}} velocity of the centre, in parts of the frame per second
 * @property {Record<string, number>} gender probability by label, averaged by confidence
 * @property {string} value the label on show; it changes only when another one leads clearly
 * @property {number} probability of that label
 * @property {number} years whole years; they change only when the average has clearly moved
 * @property {number} low of the likely range
 * @property {number} high of the likely range
 * @property {number} confidence that this is a face
 * @property {boolean} uncertain
 * @property {number} since when
 * @property {number} seen last
 * @property {number} frames in which it was seen
 * @property {number} missed frames since it was seen last
 * @property {number} looks frames since it began
 * @property {{weight: number, gender: Record<string, number>, years: number, low: number, high: number}} sums
 */
/**
 * What one frame says about one face.
 * @typedef {object} faceattr.Sight
 * @property {faceattr.Rectangle} box
 * @property {Record<string, number>} gender
 * @property {number} years
 * @property {number} low
 * @property {number} high
 * @property {number} confidence
 * @property {number} weight of this frame in the averages
 */

/** What is known about one face from all its frames: where it is and moves, and averages that do not flicker. */
faceattr.track = (() => {
  /** Weight that the averages remember: about the last thirty clear frames. */
  const MEMORY = 30;
  /** By how much another label must lead before the word on show changes. */
  const LEAD = 0.2;
  /** By how many years an average must leave the number on show before that changes. */
  const DRIFT = 0.8;
  const SURE = 0.7;
  const WIDE_YEARS = 30;

  /**
   * @param {faceattr.Face & {gender: {probabilities?: Record<string, number>}, quality?: {sharpness?: number}}} face
   * @param {{width: number, height: number}} image
   * @returns {faceattr.Sight}
   */
  function sight({ box, gender, age, quality }, { width, height }) {
    const shares = gender.probabilities ?? { [gender.value]: gender.probability };
    const [low, high] = age.interval ?? [age.low, age.high];
    const certainty = Math.max(0, 2 * Math.max(...Object.values(shares)) - 1);
    const clarity = 0.5 + 0.5 * (quality?.sharpness ?? 1);
    return {
      box: { x_min: box.x_min / width, y_min: box.y_min / height, x_max: box.x_max / width, y_max: box.y_max / height },
      gender: shares,
      years: age.years,
      low,
      high,
      confidence: box.probability,
      weight: box.probability * (0.2 + certainty) * clarity * (quality?.touches_edge ? 0.4 : 1),
    };
  }

  /**
   * @param {faceattr.Sight} seen
   * @param {number} id
   * @param {number} now
   * @returns {faceattr.Track}
   */
  function begin(seen, id, now) {
    const track = {
      id,
      number: 0,
      box: seen.box,
      velocity: { x: 0, y: 0 },
      gender: seen.gender,
      value: best(seen.gender),
      probability: 0,
      years: Math.round(seen.years),
      low: Math.round(seen.low),
      high: Math.round(seen.high),
      confidence: seen.confidence,
      uncertain: true,
      since: now,
      seen: now,
      frames: 1,
      missed: 0,
      looks: 1,
      sums: { weight: 0, gender: {}, years: 0, low: 0, high: 0 },
    };
    average(track, seen);
    return track;
  }

  /**
   * @param {faceattr.Track} track
   * @param {faceattr.Sight} seen
   * @param {number} now
   */
  function goOn(track, seen, now) {
    faceattr.motion.follow(track, seen.box, now);
    track.confidence += 0.3 * (seen.confidence - track.confidence);
    track.seen = now;
    track.frames += 1;
    track.looks += 1;
    track.missed = 0;
    average(track, seen);
  }

  /** @param {faceattr.Track} track */
  function miss(track) {
    track.missed += 1;
    track.looks += 1;
    track.velocity.x /= 2;
    track.velocity.y /= 2;
  }

  /**
   * @param {faceattr.Track} track
   * @param {faceattr.Sight} seen
   */
  function average(track, { gender, years, low, high, weight }) {
    const { sums } = track;
    const kept = Math.min(1, Math.max(0, MEMORY - weight) / (sums.weight || 1));
    const mix = (/** @type {number} */ sum, /** @type {number} */ value) => sum * kept + value * weight;
    for (const label of new Set([...Object.keys(sums.gender), ...Object.keys(gender)])) {
      sums.gender[label] = mix(sums.gender[label] ?? 0, gender[label] ?? 0);
    }
    sums.years = mix(sums.years, years);
    sums.low = mix(sums.low, low);
    sums.high = mix(sums.high, high);
    sums.weight = mix(sums.weight, 1);
    if (sums.weight > 0) conclude(track);
  }

  /** @param {faceattr.Track} track */
  function conclude(track) {
    const { weight, gender, years, low, high } = track.sums;
    track.gender = Object.fromEntries(Object.entries(gender).map(([label, sum]) => [label, sum / weight]));
    const first = best(track.gender);
    if (track.gender[first] >= (track.gender[track.value] ?? 0) + LEAD) track.value = first;
    track.probability = track.gender[track.value];
    track.years = held(track.years, years / weight);
    track.low = held(track.low, low / weight);
    track.high = held(track.high, high / weight);
    track.uncertain = track.probability < SURE || track.high - track.low > WIDE_YEARS;
  }

  /** @type {(shown: number, average: number) => number} */
  const held = (shown, average) => (Math.abs(average - shown) > DRIFT ? Math.round(average) : shown);

  /** @type {(shares: Record<string, number>) => string} */
  const best = (shares) => Object.keys(shares).reduce((first, label) => (shares[label] > shares[first] ? label : first));

  return { sight, begin, goOn, miss };
})();
