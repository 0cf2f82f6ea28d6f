'use strict';

/**
 * What is kept of one local hour: numbers about all its visitors together.
 * @typedef {object} faceattr.Hour
 * @property {number} start milliseconds since 1970
 * @property {number} offset of local time from UTC, in minutes
 * @property {number} visitors
 * @property {number} seconds for which they were there, summed
 * @property {number[][]} groups visitors by AGES and GENDERS
 */
/**
 * Visitors by age group and gender with small numbers hidden.
 * @typedef {object} faceattr.Shown
 * @property {(number | null)[][]} groups null: hidden
 * @property {number} hidden visitors in the hidden groups, together
 */

/** Counts by local hour. Nothing here is about one person, and what is older than two days is forgotten. */
faceattr.hours = (() => {
  const HOUR_MS = 3_600_000;
  const KEPT_HOURS = 48;
  /** Between local time and UTC. */
  const FARTHEST_MINUTES = 14 * 60;
  /** First and last whole year of each age group. */
  const AGES = [[0, 12], [13, 19], [20, 39], [40, 59], [60, Infinity]];
  const GENDERS = ['Female', 'Male'];
  const COLUMNS = ['hour', 'age_from', 'age_to', 'gender', 'visitors', 'hour_mean_presence_seconds'];

  /** @returns {{count: typeof count, list: typeof list, take: typeof take, clear: typeof clear}} counts of its own */
  function create() {
    /** @type {faceattr.Hour[]} by start */
    let hours = [];

    /**
     * @param {{arrived: number, seconds: number, years: number, gender: string}} visit arrived in ms since 1970
     * @param {number} now in ms since 1970
     */
    function count({ arrived, seconds, years, gender }, now) {
      const hour = hourOf(arrived);
      hour.visitors += 1;
      hour.seconds += seconds;
      hour.groups[groupOf(years)][GENDERS.indexOf(gender)] += 1;
      forget(now);
    }

    /**
     * @param {number} time in ms since 1970
     * @returns {faceattr.Hour} kept from now on
     */
    function hourOf(time) {
      const empty = hourAt(time);
      const known = hours.find(({ start }) => start === empty.start);
      if (known) return known;
      hours = [...hours, empty].sort((a, b) => a.start - b.start);
      return empty;
    }

    /**
     * The clock of a kiosk may be set while it counts: hours far ahead go like those long past.
     * @param {number} now
     */
    function forget(now) {
      hours = hours.filter(({ start }) => Math.abs(now - start) < KEPT_HOURS * HOUR_MS).slice(-KEPT_HOURS);
    }

    /**
     * @param {number} now in ms since 1970
     * @returns {faceattr.Hour[]} those with visitors in the last 48 hours, this one included, by time
     */
    function list(now) {
      forget(now);
      return structuredClone(hours);
    }

    /**
     * Goes on with what `list` gave, of another page; what does not fit is left out.
     * @param {unknown} listed
     */
    function take(listed) {
      hours = (Array.isArray(listed) ? listed.filter(isHour) : []).sort((a, b) => a.start - b.start);
    }

    function clear() {
      hours = [];
    }

    return { count, list, take, clear };
  }

  /**
   * @param {any} hour
   * @returns {hour is faceattr.Hour}
   */
  function isHour(hour) {
    const cells = AGES.flatMap((_, age) => GENDERS.map((_, gender) => hour?.groups?.[age]?.[gender]));
    if (!cells.every((visitors) => Number.isInteger(visitors) && visitors >= 0)) return false;
    if (hour.visitors !== cells.reduce((sum, visitors) => sum + visitors, 0) || !(hour.seconds >= 0)) return false;
    return Number.isFinite(hour.seconds) && Number.isSafeInteger(hour.start) && Number.isInteger(hour.offset) && Math.abs(hour.offset) <= FARTHEST_MINUTES;
  }

  /**
   * @param {number} time in ms since 1970
   * @returns {faceattr.Hour} the local hour around it, without visitors; when clocks are set back, the hour that comes
   *   twice is two
   */
  function hourAt(time) {
    const offset = -new Date(time).getTimezoneOffset();
    const shift = offset * 60_000;
    const start = Math.floor((time + shift) / HOUR_MS) * HOUR_MS - shift;
    return { start, offset, visitors: 0, seconds: 0, groups: AGES.map(() => GENDERS.map(() => 0)) };
  }

  /**
   * @param {number} years rounded as the page shows them
   * @returns {number} index in AGES
   */
  function groupOf(years) {
    return AGES.findIndex(([, to]) => Math.round(years) <= to);
  }

  /**
   * Hides groups smaller than `smallest`, and then more of the next larger ones until the hidden visitors are that many
   * too: the number of an hour's visitors is known, and must not betray what was left out.
   * @param {number[][]} groups
   * @param {number} smallest
   * @returns {faceattr.Shown}
   */
  function withoutSmall(groups, smallest) {
    /** @type {(number | null)[][]} */
    const shown = groups.map((row) => [...row]);
    const cells = groups.flatMap((row, age) => row.map((visitors, gender) => ({ visitors, age, gender }))).filter((cell) => cell.visitors > 0);
    let hidden = 0;
    for (const { visitors, age, gender } of cells.sort((a, b) => a.visitors - b.visitors)) {
      if (visitors >= smallest && (hidden === 0 || hidden >= smallest)) break;
      shown[age][gender] = null;
      hidden += visitors;
    }
    return { groups: shown, hidden };
  }

  /**
   * @param {Pick<faceattr.Hour, 'visitors' | 'seconds'>} hour
   * @param {number} smallest
   * @returns {number | null} seconds; null for fewer visitors than `smallest`
   */
  function meanPresence({ visitors, seconds }, smallest) {
    return visitors >= smallest ? seconds / visitors : null;
  }

  /**
   * A row for each hour, age group and gender (RFC 4180). `visitors` add up to all visitors: a hidden number is empty, and
   * a row without age and gender has the hour's hidden ones together. `age_to` of the oldest is empty. Hours without
   * visitors have no rows.
   * @param {faceattr.Hour[]} hours
   * @param {number} smallest group that is shown
   * @returns {string}
   */
  function csv(hours, smallest) {
    const rows = hours.flatMap((hour) => {
      const { groups, hidden } = withoutSmall(hour.groups, smallest);
      const presence = meanPresence(hour, smallest)?.toFixed(1) ?? '';
      const row = (/** @type {(string | number)[]} */ ...cells) => [isoHour(hour), ...cells, presence];
      const known = AGES.flatMap(([from, to], age) =>
        GENDERS.map((gender, column) => row(from, Number.isFinite(to) ? to : '', gender, groups[age][column] ?? '')),
      );
      return hidden > 0 ? [...known, row('', '', '', hidden)] : known;
    });
    return [COLUMNS, ...rows].map((row) => `${row.join(',')}\r\n`).join('');
  }

  /**
   * @param {Pick<faceattr.Hour, 'start' | 'offset'>} hour
   * @returns {string} its start, such as 2026-05-01T14:00:00+02:00
   */
  function isoHour({ start, offset }) {
    const two = (/** @type {number} */ number) => String(Math.floor(number)).padStart(2, '0');
    const away = Math.abs(offset);
    const local = new Date(start + offset * 60_000).toISOString().slice(0, 19);
    return `${local}${offset < 0 ? '-' : '+'}${two(away / 60)}:${two(away % 60)}`;
  }

  return { create, hourAt, withoutSmall, meanPresence, csv, HOUR_MS, AGES, GENDERS };
})();
