'use strict';

/** A card per face: its cut, gender, age on a scale, and how sure the model is. All text is set as text. */
faceattr.cards = (() => {
  const list = document.getElementById('cards');
  const { say, percent, range, gender } = faceattr.wording;

  /**
   * @param {faceattr.Answer} answer
   * @param {HTMLImageElement | null} image that the faces are cut from
   */
  function show(answer, image) {
    const { faces } = answer;
    list.dataset.count = faces.length === 1 ? 'one' : faces.length <= 3 ? 'few' : 'many';
    const side = faces.length <= 3 ? 480 : 240;
    list.replaceChildren(
      ...faces.map((face, index) => {
        const picture = image && faceattr.photo.cut(image, face.box, answer.image.width, side);
        return card(face, index + 1, picture);
      }),
    );
  }

  /**
   * @param {faceattr.Face} face
   * @param {number} number
   * @param {HTMLCanvasElement | null} picture
   * @returns {HTMLElement}
   */
  function card(face, number, picture) {
    const item = make('li', 'card');
    item.dataset.face = String(number);
    const facts = make('div', 'facts');
    const person = make('div', 'person');
    person.append(genders(face), ageLine(face.age));
    const sure = make('div', 'sure');
    sure.append(likelyLine(face), confidenceLine(face));
    facts.append(person, ruler(face.age), sure);
    item.append(cut(number, picture), facts);
    return item;
  }

  /**
   * @param {number} number
   * @param {HTMLCanvasElement | null} picture
   * @returns {HTMLElement} the button that finds the face in the photo
   */
  function cut(number, picture) {
    const button = make('button', 'cut');
    button.setAttribute('type', 'button');
    button.setAttribute('aria-label', say('faces.inPhoto', { number }));
    if (picture) button.append(picture);
    button.append(make('span', 'tag', String(number)));
    return button;
  }

  /**
   * The likelier gender, the other one, and a bar that both share.
   * @param {faceattr.Face} face
   * @returns {HTMLElement}
   */
  function genders(face) {
    const { value, probability } = face.gender;
    const both = make('div', 'genders');
    const line = make('p', 'gender', `${gender(value)} `);
    line.append(make('span', 'percent', percent(probability)));
    if (face.uncertain) line.append(' ', unsure());
    both.append(line);
    const other = { Female: 'Male', Male: 'Female' }[value];
    if (other) {
      const bar = make('div', 'odds');
      const part = make('span', 'part');
      part.style.inlineSize = `${100 * Math.min(Math.max(probability, 0), 1)}%`;
      bar.append(part);
      both.append(make('p', 'other', `${gender(other)} ${remainder(probability)}`), bar);
    }
    return both;
  }

  /**
   * What is left of 100% beside `percent` of the likelier gender; the two must add up as they are shown.
   * @param {number} probability of the likelier
   * @returns {string}
   */
  function remainder(probability) {
    const shown = Math.round(Math.round(1e4 * probability) / 100);
    return probability >= 0.995 ? `<${percent(0.01)}` : percent((100 - shown) / 100);
  }

  /** @returns {HTMLElement} */
  function unsure() {
    const mark = make('span', 'unsure', say('faces.uncertain'));
    mark.title = say('faces.uncertainWhy');
    return mark;
  }

  /**
   * @param {faceattr.Face['age']} age
   * @returns {HTMLElement}
   */
  function ageLine(age) {
    const years = Math.round(age.years);
    const line = make('p', 'age');
    line.append(
      make('span', 'years', String(years)),
      ` ${say('faces.years', { n: years })} `,
      make('span', 'range', isInRange(age) ? say('faces.range', { range: range(age) }) : ''),
    );
    return line;
  }

  /**
   * The expected age can lie beside the most probable group: "31 years (20–29)" would read as a mistake.
   * @param {faceattr.Face['age']} age
   * @returns {boolean}
   */
  function isInRange(age) {
    const years = Math.round(age.years);
    return !(years < age.low || years > age.high);
  }

  /**
   * The age on a ruler from 0 to 100: a needle at the estimate, and where it most likely lies: a curve, or only a band.
   * @param {faceattr.Face['age']} age
   * @returns {HTMLElement}
   */
  function ruler(age) {
    const [low, high] = age.interval ?? [age.low, age.high];
    const scale = make('div', 'ruler');
    scale.setAttribute('role', 'img');
    const years = Math.round(age.years);
    scale.setAttribute('aria-label', say(age.interval ? 'photos.spread' : 'photos.group', { n: years, low, high }));
    const within = (/** @type {number} */ years) => Math.min(Math.max(Number(years) || 0, 0), 100);
    const curve = faceattr.curve.draw(age);
    scale.classList.toggle('curved', curve !== null);
    const band = make('span', 'band');
    band.style.left = `${within(low)}%`;
    band.style.width = `${Math.max(within(high) - within(low), 1)}%`;
    const needle = make('span', 'needle');
    needle.style.left = `${within(age.years)}%`;
    scale.append(curve ?? band, needle);
    for (let years = 0; years <= 100; years += 10) {
      const decade = make('span', 'decade', String(years));
      decade.style.left = `${years}%`;
      scale.append(decade);
    }
    return scale;
  }

  /**
   * @param {faceattr.Face} face
   * @returns {HTMLElement}
   */
  function likelyLine(face) {
    const { interval } = face.age;
    const likely = interval ? [say('faces.likely', { low: interval[0], high: interval[1] })] : [];
    if (!isInRange(face.age)) likely.push(say('faces.group', { range: range(face.age) }));
    return make('p', 'likely', likely.join(say('comma')));
  }

  /**
   * @param {faceattr.Face} face
   * @returns {HTMLElement}
   */
  function confidenceLine(face) {
    const line = make('p', 'confidence', say('faces.confidence', { percent: percent(face.box.probability) }));
    if (face.quality?.touches_edge) line.append(' ', say('faces.cut'));
    return line;
  }

  /**
   * @param {string} tag
   * @param {string} className
   * @param {string} [text]
   * @returns {HTMLElement}
   */
  function make(tag, className, text = '') {
    const element = document.createElement(tag);
    element.className = className;
    element.textContent = text;
    return element;
  }

  return { show, clear: () => list.replaceChildren() };
})();
