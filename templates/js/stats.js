'use strict';

/** The dialog with the visitors' numbers: charts, tables, a CSV to take away. `#stats` in the address opens it. */
faceattr.stats = (() => {
  const { say, facts, gender } = faceattr.wording;
  const { HOUR_MS, AGES, GENDERS } = faceattr.hours;
  const { add: count, summary, csv, clear: forget } = faceattr.visitors;
  const { settings } = faceattr;
  /** So many hours have room in the charts even when there is less to show. */
  const FEWEST_HOURS = 12;
  const MOST_TICKS = 6;
  const DOWNLOAD_MS = 10_000;

  const dialog = /** @type {HTMLDialogElement} */ (document.getElementById('stats'));
  const sure = /** @type {HTMLDialogElement} */ (document.getElementById('stats-sure'));
  const element = (/** @type {string} */ name) => document.getElementById(`stats-${name}`);
  const numbers = new Intl.NumberFormat(facts.lang);
  const seconds = new Intl.NumberFormat(facts.lang, { style: 'unit', unit: 'second', unitDisplay: 'short', maximumFractionDigits: 0 });
  const minutes = new Intl.NumberFormat(facts.lang, { style: 'unit', unit: 'minute', unitDisplay: 'short', maximumFractionDigits: 1 });
  const clock = new Intl.DateTimeFormat(facts.lang, { weekday: 'short', hour: 'numeric', minute: '2-digit' });
  const hourOnly = new Intl.DateTimeFormat(facts.lang, { hour: 'numeric' });
  const weekday = new Intl.DateTimeFormat(facts.lang, { weekday: 'short' });

  /** @param {Parameters<typeof count>[0]} track that has ended */
  function add(track) {
    if (count(track) && dialog.open) show();
  }

  function open() {
    if (dialog.open) return;
    show();
    dialog.showModal();
    dialog.scrollTop = 0;
  }

  function clear() {
    forget();
    if (dialog.open) show();
  }

  function show() {
    const now = summary();
    /** @type {HTMLSelectElement} */ (element('smallest')).value = String(now.smallest);
    element('visitors').textContent = numbers.format(now.visitors);
    element('presence').textContent = duration(now.meanSeconds);
    element('since').textContent = now.hours.length > 0 ? clock.format(now.hours[0].start) : '–';
    element('none').hidden = now.visitors > 0;
    element('numbers').hidden = now.visitors === 0;
    element('hidden').hidden = now.hidden === 0;
    element('hidden').textContent = say('stats.hidden', { n: now.hidden, smallest: now.smallest });
    if (now.visitors === 0) return;
    showHours(now.hours);
    showGroups(now);
  }

  /** @param {faceattr.Summary['hours']} hours at least one */
  function showHours(hours) {
    const columns = axis(hours);
    const points = (/** @type {(hour: faceattr.Summary['hours'][number]) => number | null} */ valueOf, /** @type {typeof duration} */ write) =>
      columns.map(({ start, tick }) => {
        const hour = hours.find((one) => Math.abs(one.start - start) < HOUR_MS / 2);
        const value = hour ? valueOf(hour) : null;
        return { value, tick, text: write(value), at: start };
      });
    const about = (/** @type {string} */ title, /** @type {ReturnType<typeof points>} */ of) => {
      const most = of.reduce((best, point) => ((point.value ?? -1) > (best.value ?? -1) ? point : best));
      return { title: say(title), description: most.value === null ? '' : say('stats.most', { value: most.text, hour: clock.format(most.at) }) };
    };
    const came = points(({ visitors }) => visitors, (value) => numbers.format(value ?? 0));
    const stayed = points(({ meanSeconds }) => meanSeconds, duration);
    element('hours').replaceChildren(faceattr.charts.bars(about('stats.byHour', came), came, numbers.format));
    element('stay').replaceChildren(faceattr.charts.line(about('stats.presenceByHour', stayed), stayed, duration));
    element('hours-table').replaceChildren(
      ...hours.map(({ start, visitors, meanSeconds }) => row(clock.format(start), numbers.format(visitors), duration(meanSeconds))),
    );
  }

  /**
   * @param {faceattr.Summary['hours']} hours at least one
   * @returns {{start: number, tick: string}[]} every hour from the first to the present one
   */
  function axis(hours) {
    const last = Math.max(faceattr.hours.hourAt(Date.now()).start, hours[hours.length - 1].start);
    const first = Math.min(hours[0].start, last - (FEWEST_HOURS - 1) * HOUR_MS);
    const length = Math.round((last - first) / HOUR_MS) + 1;
    const step = [1, 2, 3, 4, 6, 12].find((each) => length / each <= MOST_TICKS) ?? 24;
    return Array.from({ length }, (_, index) => {
      const start = first + index * HOUR_MS;
      const hour = new Date(start).getHours();
      return { start, tick: hour % step > 0 ? '' : hour === 0 ? weekday.format(start) : hourOnly.format(start) };
    });
  }

  /** @param {faceattr.Summary} summary */
  function showGroups({ groups, smallest }) {
    const write = (/** @type {number | null} */ visitors) => (visitors === null ? say('stats.fewer', { n: smallest }) : numbers.format(visitors));
    const rows = AGES.map(([from, to], age) => ({
      label: Number.isFinite(to) ? say('stats.ages', { from, to }) : say('stats.agesFrom', { from }),
      values: /** @type {[number, number]} */ (groups[age].map((visitors) => visitors ?? 0)),
      texts: /** @type {[string, string]} */ (groups[age].map(write)),
    }));
    const sides = /** @type {[string, string]} */ (GENDERS.map(gender));
    const all = rows.flatMap(({ label, values, texts }) => values.map((value, side) => ({ value, text: texts[side], group: say('stats.groupOf', { gender: sides[side], age: label }) })));
    const largest = all.reduce((best, one) => (one.value > best.value ? one : best));
    const description = largest.value > 0 ? say('stats.largest', { value: largest.text, group: largest.group }) : '';
    element('groups').replaceChildren(faceattr.charts.pyramid({ title: say('stats.byGroup'), description }, sides, [...rows].reverse()));
    element('groups-table').replaceChildren(...rows.map(({ label, texts }) => row(label, ...texts)));
  }

  /**
   * @param {string} head
   * @param {string[]} cells
   * @returns {HTMLElement}
   */
  function row(head, ...cells) {
    const line = document.createElement('tr');
    const first = Object.assign(document.createElement('th'), { scope: 'row', textContent: head });
    line.append(first, ...cells.map((text) => Object.assign(document.createElement('td'), { textContent: text })));
    return line;
  }

  /**
   * @param {number | null} mean seconds
   * @returns {string}
   */
  function duration(mean) {
    if (mean === null) return '–';
    return mean < 120 ? seconds.format(mean) : minutes.format(mean / 60);
  }

  function download() {
    const url = URL.createObjectURL(new Blob([csv()], { type: 'text/csv' }));
    const hour = new Date(Date.now() - new Date().getTimezoneOffset() * 60_000).toISOString().slice(0, 13);
    Object.assign(document.createElement('a'), { href: url, download: `faceattr-visitors-${hour}.csv` }).click();
    setTimeout(() => URL.revokeObjectURL(url), DOWNLOAD_MS);
  }

  function openByAddress() {
    if (location.hash === '#stats' && !facts.kiosk) open(); // in a kiosk the way is through the staff's dialog
  }

  element('close').addEventListener('click', () => dialog.close());
  element('download').addEventListener('click', download);
  element('clear').addEventListener('click', () => sure.showModal());
  element('keep').addEventListener('click', () => sure.close());
  element('erase').addEventListener('click', () => {
    sure.close();
    clear();
    element('spoken').textContent = say('stats.cleared');
  });
  element('smallest').addEventListener('change', (event) => {
    settings.set('smallest', Number(/** @type {HTMLSelectElement} */ (event.target).value));
    show();
  });
  dialog.addEventListener('close', () => {
    sure.close();
    element('spoken').textContent = '';
    if (location.hash === '#stats') history.replaceState(null, '', location.pathname + location.search);
  });
  addEventListener('hashchange', openByAddress);
  faceattr.live.onGone(add);
  openByAddress();

  return { add, summary, csv, clear, open };
})();
