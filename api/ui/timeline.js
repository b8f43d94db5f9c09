// The timeline has a row for each stream: recordings are bars, and gaps between them show
// their cause. A click plays from that moment.
const spans = { '10 min': 600, '1 h': 3600, '6 h': 6 * 3600, '24 h': 86400, '7 days': 7 * 86400 };
const steps = [60, 120, 300, 600, 1800, 3600, 2 * 3600, 4 * 3600, 6 * 3600, 12 * 3600, 86400, 2 * 86400, 3 * 86400]; // s, between two marks of the axis
const markWidth = 64; // px, a mark and the space to the next
const $ = (id) => document.getElementById(id);

// timeline draws into the page. ask calls the API; play(rec, seconds) plays a recording from
// a position in it.
export function timeline(ask, play) {
  let span = Object.values(spans).find((s) => `#${s}` === location.hash) || 600; // s; stored in the URL's fragment
  let end = 0; // ms, right edge; 0: it follows the present time
  let asked = 0; // ms, time of the newest request
  let turn = 0; // number of the newest request

  const range = () => {
    const to = end || Date.now();
    return { from: to - span * 1000, to };
  };

  const coverage = ({ from, to }) => ask('GET', `/mp4/coverage?${new URLSearchParams({ start: new Date(from).toISOString(), end: new Date(to).toISOString() })}`);

  // playAt plays the recording of a stream that covers a moment, ms.
  async function playAt(path, ms) {
    const near = span; // ms: a thousandth of the span
    const q = new URLSearchParams({ limit: 1, order: 'asc', stream: path, start: new Date(ms).toISOString(), end: new Date(ms + near).toISOString() });
    const { records: [rec] } = await ask('GET', `/mp4/records?${q}`);
    if (rec?.url) play(rec, Math.max(0, (ms - Date.parse(rec.start_time)) / 1000));
  }

  // look fetches the spans, no more often than a change would be visible, and returns a
  // function that draws them.
  async function look(now) {
    if (!now && Date.now() - asked < Math.min(10, Math.max(2, span / 300)) * 1000) return;
    asked = Date.now();
    const mine = ++turn;
    const r = range();
    const found = await coverage(r);
    return () => { if (mine === turn) draw(r, found); };
  }

  function draw(r, { streams, since }) {
    const focused = document.activeElement?.dataset?.rec;
    const line = element('div', 'axis');
    $('timeline').replaceChildren(element('div', 'lane', element('span', 'lane-name'), line), ...streams.map((st) => row(st, r)));
    marks(line, r);
    if (focused) $('timeline').querySelector(`[data-rec="${focused}"]`)?.focus({ preventScroll: true });
    $('timeline-empty').hidden = streams.length > 0;
    $('legend').hidden = streams.length === 0;
    $('timeline-note').textContent = [tooMuch(since), cutEvents(streams)].join(' ').trim();
    const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });
    const [a, b] = [day.format(r.from), day.format(r.to)];
    $('timeline-range').textContent = a === b ? a : `${a} to ${b}`;
    $('timeline-now').setAttribute('aria-pressed', !end);
    for (const b of $('timeline-spans').children) b.setAttribute('aria-pressed', Number(b.dataset.seconds) === span);
  }

  const tooMuch = (since) => since ? `Too much for one view: what is before ${new Date(since).toLocaleString()} is not drawn. Choose a shorter span.` : '';

  // cutEvents names the streams whose events one answer does not hold, the first three.
  function cutEvents(streams) {
    const cut = streams.filter((st) => st.cut).map((st) => st.path);
    if (!cut.length) return '';
    const more = cut.length > 3 ? ` and ${cut.length - 3} more` : '';
    return `Not all events of ${cut.slice(0, 3).join(', ')}${more} are drawn: choose a shorter span.`;
  }

  const element = (tag, name, ...children) => {
    const el = document.createElement(tag);
    el.className = name;
    el.append(...children);
    return el;
  };
  const at = (ms, { from, to }) => Math.min(100, Math.max(0, ((ms - from) / (to - from)) * 100));

  // marks draws round local times on the axis, as many as its width holds. It drops a mark that
  // would stick out of the axis: it would make the page wider than a phone.
  function marks(line, r) {
    const width = line.clientWidth;
    const most = Math.min(8, Math.max(1, Math.floor(width / markWidth)));
    const step = (steps.find((s) => span / s <= most) || steps.at(-1)) * 1000;
    const show = new Intl.DateTimeFormat(undefined, step >= 86400_000 ? { month: 'short', day: 'numeric' } : { hour: '2-digit', minute: '2-digit' });
    const zone = new Date(r.from).getTimezoneOffset() * 60_000;
    for (let t = Math.ceil((r.from - zone) / step) * step + zone; t < r.to; t += step) {
      const mark = element('span', 'mark', show.format(t));
      mark.style.left = `${at(t, r)}%`;
      line.append(mark);
      const half = mark.offsetWidth / 2;
      if (mark.offsetLeft < half || mark.offsetLeft + half > width) mark.remove();
    }
  }

  function row(st, r) {
    const line = element('div', 'line');
    let before = r.from;
    for (const sp of st.spans) {
      if (sp.gap) line.append(gap(sp, before, r));
      line.append(bar(st.path, sp, r));
      before = Date.parse(sp.end_time);
    }
    for (const e of st.events || []) line.append(flag(e, r));
    const name = element('span', 'lane-name', st.path);
    name.title = st.path;
    return element('div', 'lane', name, line);
  }

  // gap draws the gap before a span, with its cause.
  function gap(sp, before, r) {
    const began = Date.parse(sp.start_time);
    const from = Math.max(before, began - sp.gap.seconds * 1000);
    const el = element('span', 'gap-of');
    el.style.left = `${at(from, r)}%`;
    el.style.width = `${at(began, r) - at(from, r)}%`;
    el.title = `${sp.gap.cause.replaceAll('_', ' ')}: ${sp.gap.seconds < 10 ? sp.gap.seconds.toFixed(1) : Math.round(sp.gap.seconds)} s are missing`;
    return el;
  }

  function bar(path, sp, r) {
    const began = Date.parse(sp.start_time);
    const growing = sp.state === 'recording';
    const ended = growing ? r.to : Math.max(began, Date.parse(sp.end_time) || began);
    const el = element('button', `bar-of ${sp.state}`);
    el.dataset.rec = sp.first;
    el.style.left = `${at(began, r)}%`;
    el.style.width = `${at(ended, r) - at(began, r)}%`;
    const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });
    const said = `${path}, ${clock.format(began)} to ${growing ? 'now' : clock.format(ended)}${sp.elsewhere ? ', recorded by another recorder: ask it' : ''}`;
    el.setAttribute('aria-label', sp.elsewhere ? said : `Play ${said}`);
    el.title = said;
    const moment = (ev) => { // ms, under the pointer; for the keyboard the begin of the bar
      if (!ev.detail && ev.type === 'click') return began;
      const box = el.parentElement.getBoundingClientRect();
      const ms = r.from + ((ev.clientX - box.left) / box.width) * (r.to - r.from);
      return Math.min(Math.max(began, ms), Math.max(began, ended - 500));
    };
    el.addEventListener('mousemove', (ev) => { el.title = `${path}, ${clock.format(moment(ev))}`; });
    el.addEventListener('click', (ev) => playAt(path, moment(ev)).catch(() => {})); // the next update shows the error
    el.disabled = !!sp.elsewhere;
    return el;
  }

  function flag(e, r) {
    const el = element('span', 'event-flag');
    el.style.left = `${at(Date.parse(e.at), r)}%`;
    el.title = `Event ${e.name || ''}`.trim();
    return el;
  }

  const change = (f) => () => {
    f();
    look(true).then((show) => show(), () => {}); // the next update shows the error
  };
  for (const [name, seconds] of Object.entries(spans)) {
    const b = element('button', '', name);
    b.dataset.seconds = seconds;
    b.addEventListener('click', change(() => {
      span = seconds;
      history.replaceState(null, '', `#${span}`);
    }));
    $('timeline-spans').append(b);
  }
  const shift = (by) => change(() => {
    const to = range().to + by * span * 1000;
    end = to >= Date.now() ? 0 : to;
  });
  $('timeline-back').addEventListener('click', shift(-0.5));
  $('timeline-on').addEventListener('click', shift(0.5));
  $('timeline-now').addEventListener('click', change(() => { end = 0; }));
  return { look };
}
