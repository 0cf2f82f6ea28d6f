'use strict';

/**
 * @typedef {object} faceattr.Summary of the last 48 hours
 * @property {number} visitors
 * @property {number | null} meanSeconds for which they were there; null: none, or too few to say
 * @property {(number | null)[][]} groups visitors by age group and gender; null: hidden in every hour
 * @property {number} hidden visitors in groups that are hidden
 * @property {number} smallest group that is shown
 * @property {(Pick<faceattr.Hour, 'start' | 'offset' | 'visitors'> & {meanSeconds: number | null})[]} hours by time
 */

/**
 * How many people came, for how long, and of what apparent age and gender: as numbers, in this page's memory, from which
 * the page that it loads in its own place takes them over. A person who goes and comes back counts again; nobody is
 * recognised.
 */
faceattr.visitors = (() => {
  const { GENDERS, withoutSmall, meanPresence } = faceattr.hours;
  /** What is there for less is taken for a flicker of the detector. */
  const SHORTEST_SECONDS = 1;
  const FEWEST_FRAMES = 3;

  /** What the name of the tab begins with while one page hands the counts to the next: it is no storage, nor on a disk. */
  const HANDED = 'faceattr-visitors:';

  const { settings } = faceattr;
  const hours = faceattr.hours.create();

  /**
   * Counts a visitor who has gone, in the hour of coming.
   * @param {Pick<faceattr.Track, 'value' | 'years' | 'since' | 'seen' | 'frames'>} track
   * @returns {boolean} false: not a visitor
   */
  function add({ value, years, since, seen, frames }) {
    const seconds = (seen - since) / 1000;
    if (!(seconds >= SHORTEST_SECONDS && frames >= FEWEST_FRAMES && years >= 0 && GENDERS.includes(value))) return false;
    const now = Date.now();
    hours.count({ arrived: now - (performance.now() - since), seconds, years, gender: value }, now);
    return true;
  }

  /** @returns {faceattr.Summary} */
  function summary() {
    const smallest = settings.get('smallest');
    const kept = hours.list(Date.now());
    const shown = kept.map(({ groups }) => withoutSmall(groups, smallest));
    const visitors = sum(kept.map((hour) => hour.visitors));
    return {
      visitors,
      meanSeconds: visitors > 0 ? meanPresence({ visitors, seconds: sum(kept.map(({ seconds }) => seconds)) }, smallest) : null,
      groups: faceattr.hours.AGES.map((_, age) => GENDERS.map((_, gender) => together(shown.map(({ groups }) => groups[age][gender])))),
      hidden: sum(shown.map(({ hidden }) => hidden)),
      smallest,
      hours: kept.map(({ start, offset, visitors, seconds }) => ({ start, offset, visitors, meanSeconds: meanPresence({ visitors, seconds }, smallest) })),
    };
  }

  /**
   * @param {(number | null)[]} counts of one group, by hour
   * @returns {number | null} what of them is shown; null when all that there is, is hidden
   */
  function together(counts) {
    const known = sum(counts.map((count) => count ?? 0));
    return known === 0 && counts.includes(null) ? null : known;
  }

  /**
   * @param {number[]} numbers
   * @returns {number}
   */
  function sum(numbers) {
    return numbers.reduce((total, number) => total + number, 0);
  }

  /** @returns {string} the table that `faceattr.hours.csv` describes */
  function csv() {
    return faceattr.hours.csv(hours.list(Date.now()), settings.get('smallest'));
  }

  /** To be called before this page loads another in its place: in another language, or itself anew. */
  function handOver() {
    window.name = HANDED + JSON.stringify(hours.list(Date.now()));
  }

  function takeOver() {
    const handed = window.name;
    if (!handed.startsWith(HANDED)) return;
    window.name = '';
    try {
      hours.take(JSON.parse(handed.slice(HANDED.length)));
    } catch {
      // Not what this version writes: counting begins anew.
    }
  }

  function clear() {
    hours.clear();
    if (window.name.startsWith(HANDED)) window.name = '';
  }

  takeOver();
  return { add, summary, csv, clear, handOver };
})();
