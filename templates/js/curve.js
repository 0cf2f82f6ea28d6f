'use strict';

/** How a model spreads its belief over the years: a curve for nets with a class a year, steps for those with age groups. */
faceattr.curve = (() => {
  const NAMESPACE = 'http://www.w3.org/2000/svg';
  const HIGHEST = 100;
  /** Of the net by Levi and Hassner, the one with groups that people have. */
  const GROUPS = [[0, 2], [4, 6], [8, 12], [15, 20], [25, 32], [38, 43], [48, 53], [60, 100]];

  /** @typedef {[years: number, probability: number][]} Outline */

  /**
   * @param {faceattr.Face['age']} age
   * @returns {SVGSVGElement | null} as wide as 0 to 100 years; null where the answer does not say enough for a curve
   */
  function draw(age) {
    const outline = outlineOf(age);
    if (outline === null) return null;
    const highest = Math.max(...outline.map(([, probability]) => probability));
    const [low, high] = age.interval ?? [age.low, age.high];
    const svg = make('svg', { class: 'curve', viewBox: '0 0 100 100', preserveAspectRatio: 'none', 'aria-hidden': 'true', focusable: 'false' });
    const area = (/** @type {Outline} */ points) => {
      const top = points.map(([years, probability]) => `${round(years)} ${round(100 - (100 * probability) / highest)}`);
      return `M${round(points[0][0])} 100L${top.join('L')}L${round(points[points.length - 1][0])} 100Z`;
    };
    svg.append(make('path', { class: 'belief', d: area(outline) }));
    const within = between(outline, Number(low), Number(high));
    if (within.length > 1) svg.append(make('path', { class: 'within', d: area(within) }));
    return /** @type {SVGSVGElement} */ (svg);
  }

  /**
   * @param {faceattr.Face['age']} age
   * @returns {Outline | null} rising in years, at least two points
   */
  function outlineOf({ distribution, interval, years }) {
    if (!Array.isArray(distribution) || distribution.length < 2) return null;
    const mass = distribution.reduce((sum, share) => sum + share, 0);
    if (!distribution.every((share) => share >= 0) || !(mass > 0)) return null;
    if (interval) return smooth(distribution, mass, years);
    const middles = GROUPS.map(([low, high]) => (low + high) / 2);
    const expected = distribution.reduce((sum, share, group) => sum + share * middles[group], 0) / mass;
    // Another pack's groups are not in its answer, and would be drawn in the wrong place.
    return distribution.length === GROUPS.length && Math.abs(expected - years) < 0.2 ? steps(distribution) : null;
  }

  /**
   * A net's first year is not in its answer, but follows from the age that it expects.
   * @param {number[]} distribution a share for each year
   * @param {number} mass of all shares
   * @param {number} years expected
   * @returns {Outline | null}
   */
  function smooth(distribution, mass, years) {
    const first = Math.round(years - distribution.reduce((sum, share, index) => sum + share * index, 0) / mass);
    /** @type {Outline} */
    const outline = distribution.map((share, index) => [first + index, share]);
    const shown = between(outline, 0, HIGHEST);
    return shown.length > 1 ? shown : null;
  }

  /**
   * A step for each group, as high as the group is likely; between groups the steps meet halfway.
   * @param {number[]} distribution a share for each of GROUPS
   * @returns {Outline}
   */
  function steps(distribution) {
    return distribution.flatMap((share, group) => {
      const from = group === 0 ? 0 : (GROUPS[group - 1][1] + GROUPS[group][0]) / 2;
      const to = group === GROUPS.length - 1 ? HIGHEST : (GROUPS[group][1] + GROUPS[group + 1][0]) / 2;
      return /** @type {Outline} */ ([[from, share], [to, share]]);
    });
  }

  /**
   * The part of an outline between two ages, cut straight at both.
   * @param {Outline} outline
   * @param {number} low
   * @param {number} high
   * @returns {Outline}
   */
  function between(outline, low, high) {
    const from = Math.max(low, outline[0][0]);
    const to = Math.min(high, outline[outline.length - 1][0]);
    if (!(from < to)) return [];
    return [[from, heightAt(outline, from)], ...outline.filter(([years]) => years > from && years < to), [to, heightAt(outline, to)]];
  }

  /**
   * @param {Outline} outline
   * @param {number} years between its ends
   * @returns {number} the probability there
   */
  function heightAt(outline, years) {
    const next = outline.findIndex(([at]) => at >= years);
    const [to, probability] = outline[next];
    const [from, before] = outline[Math.max(next - 1, 0)];
    return to === from ? probability : before + ((probability - before) * (years - from)) / (to - from);
  }

  /**
   * @param {string} tag
   * @param {Record<string, string>} attributes
   * @returns {SVGElement}
   */
  function make(tag, attributes) {
    const element = /** @type {SVGElement} */ (document.createElementNS(NAMESPACE, tag));
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  }

  /**
   * @param {number} value
   * @returns {number} with two decimals
   */
  function round(value) {
    return Math.round(100 * value) / 100;
  }

  return { draw };
})();
