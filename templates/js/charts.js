'use strict';

/** @typedef {{title: string, description: string}} faceattr.About what a chart is called, and what it shows */
/**
 * @typedef {object} faceattr.Point
 * @property {number | null} value null: there is none
 * @property {string} text the value as people write it
 * @property {string} tick below the axis; may be empty
 */

/**
 * Small charts in SVG. They are laid out in percent, so that they fill any width while their letters keep their size.
 * Time and numbers run from left to right in every language.
 */
faceattr.charts = (() => {
  const SVG = 'http://www.w3.org/2000/svg';
  /** The plot within the chart, in percent of its height; above is room for a number, below for ticks. */
  const TOP = 14;
  const BOTTOM = 86;
  /** Numbers on the axis stand here, in percent of the width, so that nothing lies on them. */
  const LEFT = 13;
  /** With more bars than this, numbers would not fit over them, and the axis has them instead. */
  const NUMBERED = 12;
  /** The halves of the pyramid, in percent of its width: where they begin, and how long the longest bar is. */
  const HALF = { left: 40, right: 60, longest: 26 };
  let charts = 0;

  /**
   * @param {faceattr.About} about
   * @param {faceattr.Point[]} points
   * @param {(value: number) => string} write how a number on the axis is written
   * @returns {SVGElement} a bar per point
   */
  function bars(about, points, write) {
    const numbered = points.length <= NUMBERED;
    const { svg, x, y, step } = plot(about, points, numbered ? null : write);
    points.forEach(({ value, text }, index) => {
      if (!value) return;
      svg.append(make('rect', { class: 'chart-bar', x: `${x(index) - step * 0.38}%`, width: `${step * 0.76}%`, y: `${y(value)}%`, height: `${BOTTOM - y(value)}%` }));
      if (numbered) svg.append(make('text', { class: 'chart-value', x: `${x(index)}%`, y: `${y(value)}%`, dy: '-0.4em', 'text-anchor': 'middle' }, text));
    });
    return svg;
  }

  /**
   * @param {faceattr.About} about
   * @param {faceattr.Point[]} points
   * @param {(value: number) => string} write
   * @returns {SVGElement} a dot per point, and a line between neighbours
   */
  function line(about, points, write) {
    const { svg, x, y } = plot(about, points, write);
    points.forEach(({ value }, index) => {
      const next = points[index + 1]?.value ?? null;
      if (value === null || next === null) return;
      svg.append(make('line', { class: 'chart-line', x1: `${x(index)}%`, y1: `${y(value)}%`, x2: `${x(index + 1)}%`, y2: `${y(next)}%` }));
    });
    points.forEach(({ value }, index) => {
      if (value !== null) svg.append(make('circle', { class: 'chart-dot', cx: `${x(index)}%`, cy: `${y(value)}%` }));
    });
    return svg;
  }

  /**
   * @param {faceattr.About} about
   * @param {[string, string]} sides what stands to the left and to the right
   * @param {{label: string, values: [number, number], texts: [string, string]}[]} rows from the top down
   * @returns {SVGElement} rows of two bars that grow away from the middle
   */
  function pyramid(about, sides, rows) {
    const svg = chart(about, 'chart chart-pyramid');
    const highest = Math.max(1, ...rows.flatMap(({ values }) => values));
    const height = 100 / (rows.length + 1);
    svg.append(
      make('text', { class: 'chart-side', x: `${HALF.left}%`, y: `${height / 2}%`, dy: '0.35em', 'text-anchor': 'end' }, sides[0]),
      make('text', { class: 'chart-side', x: `${HALF.right}%`, y: `${height / 2}%`, dy: '0.35em', 'text-anchor': 'start' }, sides[1]),
    );
    rows.forEach(({ label, values, texts }, index) => {
      const top = height * (index + 1);
      const middle = { y: `${top + height / 2}%`, dy: '0.35em' };
      const [left, right] = values.map((value) => (HALF.longest * value) / highest);
      const bar = { y: `${top + height * 0.12}%`, height: `${height * 0.76}%` };
      if (left > 0) svg.append(make('rect', { class: 'chart-bar chart-left', x: `${HALF.left - left}%`, width: `${left}%`, ...bar }));
      if (right > 0) svg.append(make('rect', { class: 'chart-bar', x: `${HALF.right}%`, width: `${right}%`, ...bar }));
      svg.append(
        make('text', { class: 'chart-tick', x: '50%', 'text-anchor': 'middle', ...middle }, label),
        make('text', { class: 'chart-value', x: `${HALF.left - left}%`, dx: '-0.5em', 'text-anchor': 'end', ...middle }, texts[0]),
        make('text', { class: 'chart-value', x: `${HALF.right + right}%`, dx: '0.5em', 'text-anchor': 'start', ...middle }, texts[1]),
      );
    });
    return svg;
  }

  /**
   * Axes and ticks.
   * @param {faceattr.About} about
   * @param {faceattr.Point[]} points
   * @param {((value: number) => string) | null} write null: no numbers on the axis
   */
  function plot(about, points, write) {
    const svg = chart(about, 'chart');
    const most = ceiling(Math.max(1, ...points.map(({ value }) => value ?? 0)));
    const left = write ? LEFT : 0;
    const step = (100 - left) / points.length;
    const x = (/** @type {number} */ index) => left + (index + 0.5) * step;
    const y = (/** @type {number} */ value) => BOTTOM - ((BOTTOM - TOP) * value) / most;
    for (const value of [0, most / 2, most]) {
      svg.append(make('line', { class: value === 0 ? 'chart-axis' : 'chart-grid', x1: '0%', x2: '100%', y1: `${y(value)}%`, y2: `${y(value)}%` }));
      if (write && value > 0) svg.append(make('text', { class: 'chart-scale', x: '0%', y: `${y(value)}%`, dy: '-0.3em' }, write(value)));
    }
    points.forEach(({ tick }, index) => {
      if (tick) svg.append(make('text', { class: 'chart-tick', x: `${x(index)}%`, y: '100%', dy: '-0.2em', 'text-anchor': 'middle' }, tick));
    });
    return { svg, x, y, step };
  }

  /**
   * @param {number} value
   * @returns {number} the next of 2, 4, 6, 8, 10, 20, 40 …: half of it is a whole number too
   */
  function ceiling(value) {
    const power = 10 ** Math.floor(Math.log10(value));
    return [1, 2, 4, 6, 8, 10].map((factor) => factor * power).find((most) => most >= Math.max(value, 2)) ?? value;
  }

  /**
   * @param {faceattr.About} about
   * @param {string} className
   * @returns {SVGElement} a picture with a name and a description
   */
  function chart({ title, description }, className) {
    charts += 1;
    const [name, more] = [`chart-${charts}-title`, `chart-${charts}-more`];
    const svg = make('svg', { class: className, role: 'img', 'aria-labelledby': name, 'aria-describedby': more, focusable: 'false' });
    svg.append(make('title', { id: name }, title), make('desc', { id: more }, description));
    return svg;
  }

  /**
   * @param {string} tag
   * @param {Record<string, string>} attributes
   * @param {string} [text]
   * @returns {SVGElement}
   */
  function make(tag, attributes, text = '') {
    const element = /** @type {SVGElement} */ (document.createElementNS(SVG, tag));
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.textContent = text;
    return element;
  }

  return { bars, line, pyramid };
})();
