'use strict';

/** Which face of this frame is which of the last ones. Pure: no clock, no page. */
faceattr.tracking = (() => {
  const { track: one, motion } = faceattr;
  /** A face may be out of sight for this long, in frames and in milliseconds, before it is gone. */
  const LOST_FRAMES = 3;
  const LOST_MS = 700;
  /** However few the frames are, after this time it is gone. */
  const GONE_MS = 3000;
  /**
   * A face is believed at once when the detector is this sure, else when it has been seen in so many frames, so long, and
   * in this part of all frames since it began: what comes and goes is mostly no face.
   */
  const BELIEVED = 0.8;
  const BELIEVED_FRAMES = 5;
  const BELIEVED_MS = 1500;
  const BELIEVED_PART = 0.6;
  /** How far a face may jump between two frames, in its own sizes. */
  const REACH = 0.9;

  /**
   * @param {(track: faceattr.Track) => void} [onGone] called with each believed track when it has ended
   */
  function create(onGone = () => {}) {
    /** @type {faceattr.Track[]} */
    let tracks = [];
    let last = 0;

    /**
     * @param {Pick<faceattr.Answer, 'faces' | 'image'>} answer
     * @param {number} now when the frame was taken
     * @returns {faceattr.Track[]} those that are believed, by number
     */
    function update(answer, now) {
      const sights = answer.faces.map((face) => one.sight(face, answer.image));
      const pairs = matched(tracks, sights, now);
      for (const track of tracks) {
        const seen = pairs.get(track);
        if (seen) one.goOn(track, seen, now);
        else one.miss(track);
      }
      const known = new Set(pairs.values());
      for (const seen of sights) if (!known.has(seen)) tracks.push(one.begin(seen, ++last, now));
      end((track) => now - track.seen > GONE_MS || (now - track.seen > LOST_MS && track.missed > LOST_FRAMES));
      for (const track of tracks) if (track.number === 0 && isBelieved(track)) track.number = freeNumber();
      return believed();
    }

    /** Ends every track. */
    function drop() {
      end(() => true);
    }

    /** @param {(track: faceattr.Track) => boolean} isOver */
    function end(isOver) {
      const gone = tracks.filter(isOver);
      tracks = tracks.filter((track) => !gone.includes(track));
      for (const track of gone) if (track.number > 0) onGone(track);
    }

    /** @returns {faceattr.Track[]} */
    function believed() {
      return tracks.filter(({ number }) => number > 0).sort((a, b) => a.number - b.number);
    }

    /** @returns {number} */
    function freeNumber() {
      const taken = new Set(tracks.map(({ number }) => number));
      let number = 1;
      while (taken.has(number)) number += 1;
      return number;
    }

    return { update, drop, believed, all: () => [...tracks] };
  }

  /**
   * @param {faceattr.Track} track
   * @returns {boolean} whether it is more than a flicker of the detector
   */
  function isBelieved({ frames, looks, confidence, since, seen }) {
    if (confidence >= BELIEVED) return true;
    return frames >= BELIEVED_FRAMES && seen - since >= BELIEVED_MS && frames >= looks * BELIEVED_PART;
  }

  /**
   * The best pairs first, each track and each sight once.
   * @param {faceattr.Track[]} tracks
   * @param {faceattr.Sight[]} sights
   * @param {number} now
   * @returns {Map<faceattr.Track, faceattr.Sight>}
   */
  function matched(tracks, sights, now) {
    const pairs = tracks
      .flatMap((track) => sights.map((seen) => ({ track, seen, score: affinity(track, seen, now) })))
      .filter(({ score }) => score > 0)
      .sort((a, b) => b.score - a.score);
    /** @type {Map<faceattr.Track, faceattr.Sight>} */
    const chosen = new Map();
    const taken = new Set();
    for (const { track, seen } of pairs) {
      if (chosen.has(track) || taken.has(seen)) continue;
      chosen.set(track, seen);
      taken.add(seen);
    }
    return chosen;
  }

  /**
   * How well a sight fits a track: by overlap with where the track should be now, or nearness where nothing overlaps,
   * and a little by looks, which decides between two faces that cross.
   * @param {faceattr.Track} track
   * @param {faceattr.Sight} seen
   * @param {number} now
   * @returns {number} 0: not the same face
   */
  function affinity(track, seen, now) {
    const foreseen = motion.ahead(track, now);
    const [a, b] = [motion.middle(foreseen), motion.middle(seen.box)];
    const sizes = [Math.sqrt(a.width * a.height), Math.sqrt(b.width * b.height)];
    const ratio = Math.min(...sizes) / Math.max(...sizes);
    const away = Math.hypot((a.x - b.x) / (a.width + b.width), (a.y - b.y) / (a.height + b.height)) * 2;
    if (!(ratio > 0.4) || away > REACH) return 0;
    return Math.max(motion.iou(foreseen, seen.box), 0.3 * (1 - away / REACH)) + 0.15 * likeness(track, seen);
  }

  /**
   * @param {faceattr.Track} track
   * @param {faceattr.Sight} seen
   * @returns {number} 0 to 1
   */
  function likeness(track, seen) {
    const shared = Object.keys(seen.gender).reduce((sum, label) => sum + Math.min(seen.gender[label], track.gender[label] ?? 0), 0);
    return (shared + Math.exp(-Math.abs(seen.years - track.years) / 15)) / 2;
  }

  return { create };
})();
