'use strict';

/** One line of the live list: number, gender with both shares, age on its scale. It is written over, never made anew. */
faceattr.person = (() => {
  const { say, gender, percent } = faceattr.wording;

  /** @returns {{item: HTMLElement, update: (track: faceattr.Track) => void}} */
  function line() {
    const item = make('li', 'someone');
    const number = make('span', 'tag');
    const who = make('p', 'gender');
    const [word, share, unsure] = [make('span', 'word'), make('span', 'percent'), make('span', 'unsure')];
    unsure.textContent = say('faces.uncertain');
    unsure.title = say('faces.uncertainWhy');
    who.append(word, ' ', share, ' ', unsure);
    const age = make('p', 'age');
    const [years, unit, likely] = [make('span', 'years'), make('span', 'unit'), make('span', 'likely')];
    age.append(years, ' ', unit, ' ', likely);
    const scale = make('div', 'ruler');
    scale.setAttribute('aria-hidden', 'true'); // the same in words stands above it
    const [band, needle] = [make('span', 'band'), make('span', 'needle')];
    scale.append(band, needle);
    const sides = make('div', 'sides');
    sides.setAttribute('aria-hidden', 'true');
    const side = make('span', 'side');
    sides.append(side);
    item.append(number, who, sides, age, scale);

    /** @param {faceattr.Track} track */
    function update(track) {
      write(number, String(track.number));
      write(word, gender(track.value));
      write(share, percent(track.probability));
      unsure.hidden = !track.uncertain;
      side.style.width = `${(100 * track.probability).toFixed(1)}%`;
      write(years, String(track.years));
      write(unit, say('faces.years', { n: track.years }));
      write(likely, say('faces.likely', { low: track.low, high: track.high }));
      band.style.left = `${within(track.low)}%`;
      band.style.width = `${Math.max(within(track.high) - within(track.low), 1)}%`;
      needle.style.left = `${within(track.years)}%`;
    }

    return { item, update };
  }

  /** @type {(years: number) => number} */
  const within = (years) => Math.min(Math.max(Number(years) || 0, 0), 100);

  /** @type {(element: HTMLElement, text: string) => void} */
  const write = (element, text) => {
    if (element.textContent !== text) element.textContent = text;
  };

  /** @type {(tag: string, className: string) => HTMLElement} */
  const make = (tag, className) => Object.assign(document.createElement(tag), { className });

  return { line };
})();
