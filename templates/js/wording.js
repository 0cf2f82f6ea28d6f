'use strict';
const faceattr = {}; // the one name that this page adds to the browser

/** What the page says: sentences, numbers and ranges in the page's language. */
faceattr.wording = (() => {
  const facts = JSON.parse(document.getElementById('facts').textContent);
  const { lang } = facts;
  const plural = new Intl.PluralRules(lang);
  const percentages = new Intl.NumberFormat(lang, { style: 'percent' });
  const megabytes = new Intl.NumberFormat(lang, { style: 'unit', unit: 'megabyte', maximumFractionDigits: 1 });
  const milliseconds = new Intl.NumberFormat(lang, { maximumFractionDigits: 0 });

  /** Below this apparent age the spoken result says girl or boy. */
  const GROWN_UP = 16;

  /**
   * The wording under a dotted key, such as `faces.heading`; where it has a singular and a plural, `values.n` decides.
   * @param {string} key
   * @param {Record<string, string | number>} [values] what to put in place of `{name}`
   * @returns {string}
   */
  function say(key, values = {}) {
    let found = facts.text;
    for (const name of key.split('.')) found = found?.[name];
    if (typeof found === 'object') found = found[plural.select(Number(values.n))] ?? found.other;
    return fill(String(found ?? key), values);
  }

  /**
   * @param {string} sentence
   * @param {Record<string, string | number>} values
   * @returns {string}
   */
  function fill(sentence, values) {
    return sentence.replace(/\{(\w+)\}/g, (gap, name) => (Object.hasOwn(values, name) ? String(values[name]) : gap));
  }

  /**
   * What is wrong and what to do about it.
   * @param {string} code of the problem; an unknown one has a sentence of its own
   * @returns {{title: string, help: string}}
   */
  function problem(code) {
    const problems = facts.text.problems;
    const [title, help] = Object.hasOwn(problems, code) ? problems[code] : problems.unknown;
    const limits = { size: megabytes.format(facts.max_image_bytes / 1e6), formats: facts.formats.join(facts.text.comma) };
    return { title: fill(title, limits), help: fill(help, limits) };
  }

  /**
   * A probability as a whole percentage; never "100%", which no model can promise.
   * @param {number} probability 0 to 1
   * @returns {string}
   */
  function percent(probability) {
    return probability >= 0.995 ? `>${percentages.format(0.99)}` : percentages.format(probability);
  }

  /**
   * The range of an age as people write it: "(30-39)" becomes "30–39".
   * @param {{label?: string, low: number, high: number}} age
   * @returns {string}
   */
  function range(age) {
    return (age.label || `${age.low}-${age.high}`).replace(/^\(|\)$/g, '').replace('-', '–');
  }

  /**
   * @param {string} value the label of the pack; one that the page does not know is shown as it is
   * @returns {string}
   */
  function gender(value) {
    const words = facts.text.faces.gender;
    return Object.hasOwn(words, value) ? words[value] : value;
  }

  /**
   * One face in a few spoken words: "a woman, about 31 years".
   * @param {faceattr.Face} face
   * @returns {string}
   */
  function person(face) {
    const years = Math.round(face.age.years);
    const key = years < GROWN_UP ? `${face.gender.value}Child` : face.gender.value;
    const who = Object.hasOwn(facts.text.spoken, key) ? facts.text.spoken[key] : face.gender.value;
    const words = say('spoken.person', { n: years, who, years });
    return face.uncertain ? `${words} (${say('spoken.unsure')})` : words;
  }

  /**
   * The whole result as it is read out; after six faces it only counts.
   * @param {faceattr.Face[]} faces
   * @returns {string}
   */
  function spokenResult(faces) {
    const read = faces.length > 7 ? faces.slice(0, 6) : faces;
    const people = read.map(person);
    if (read.length < faces.length) people.push(say('spoken.more', { n: faces.length - read.length }));
    return say('spoken.result', { n: faces.length, people: people.join(say('spoken.join')) });
  }

  /**
   * @param {Record<string, number>} timing milliseconds by stage
   * @param {number} roundTrip milliseconds
   * @returns {string[]}
   */
  function times(timing, roundTrip) {
    /** @type {Record<string, number>} */
    const stages = { ...timing, roundTrip };
    return ['decode', 'detect', 'attributes', 'total', 'roundTrip']
      .filter((stage) => Number.isFinite(stages[stage]))
      .map((stage) => `${say(`times.${stage}`)} ${say('times.ms', { n: milliseconds.format(stages[stage]) })}`);
  }

  return { facts, say, problem, percent, range, gender, spokenResult, times };
})();
