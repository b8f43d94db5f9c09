// The timeline: a row a stream, what was recorded as bars, what was not as what
// is between them. A click plays from that moment.
const spans = { '10 min': 600, '1 h': 3600, '6 h': 6 * 3600, '24 h': 86400, '7 days': 7 * 86400 };
const steps = [60, 120, 300, 600, 1800, 3600, 2 * 3600, 4 * 3600, 6 * 3600, 12 * 3600, 86400]; // s, between two marks of the axis
const most = 4; // pages of 500 recordings that are drawn
const $ = (id) => document.getElementById(id);

// timeline draws into the page. ask calls the API; play(rec, seconds) shows a
// recording from a moment in it.
export function timeline(ask, play) {
  let span = Object.values(spans).find((s) => `#${s}` === location.hash) || 600; // s; the address keeps it
  let end = 0; // ms, right edge; 0: now, and it moves
  let asked = 0; // ms, when the recordings were asked for
  let turn = 0; // of the newest question

  const range = () => {
    const to = end || Date.now();
    return { from: to - span * 1000, to };
  };

  async function records({ from, to }) {
    const q = new URLSearchParams({ limit: 500, start: new Date(from).toISOString(), end: new Date(to).toISOString() });
    const all = [];
    for (let page = 0; page < most; page++) {
      const a = await ask('GET', `/mp4/records?${q}`);
      all.push(...a.records);
      if (!a.next) return { all, whole: true };
      q.set('cursor', a.next);
    }
    return { all, whole: false };
  }

  // look gives what draws what is new, no more often than it would be seen.
  async function look(now) {
    if (!now && Date.now() - asked < Math.min(10, Math.max(2, span / 300)) * 1000) return;
    asked = Date.now();
    const mine = ++turn;
    const r = range();
    const found = await records(r);
    return () => { if (mine === turn) draw(r, found); };
  }

  function draw(r, { all, whole }) {
    const rows = new Map();
    for (const rec of all) {
      if (rec.state === 'lost' || rec.state === 'remote') continue;
      if (!rows.has(rec.stream_path)) rows.set(rec.stream_path, []);
      rows.get(rec.stream_path).push(rec);
    }
    const focused = document.activeElement?.dataset?.rec;
    $('timeline').replaceChildren(axis(r), ...[...rows.keys()].sort().map((path) => row(path, rows.get(path), r)));
    if (focused) $('timeline').querySelector(`[data-rec="${focused}"]`)?.focus();
    $('timeline-empty').hidden = rows.size > 0;
    $('timeline-note').textContent = whole ? '' : 'Only the newest recordings are drawn: choose a shorter span.';
    const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });
    const [a, b] = [day.format(r.from), day.format(r.to)];
    $('timeline-range').textContent = a === b ? a : `${a} to ${b}`;
    $('timeline-now').setAttribute('aria-pressed', !end);
    for (const b of $('timeline-spans').children) b.setAttribute('aria-pressed', Number(b.dataset.seconds) === span);
  }

  const element = (tag, name, ...children) => {
    const el = document.createElement(tag);
    el.className = name;
    el.append(...children);
    return el;
  };
  const at = (ms, { from, to }) => Math.min(100, Math.max(0, ((ms - from) / (to - from)) * 100));

  function axis(r) {
    const step = (steps.find((s) => span / s <= 8) || steps.at(-1)) * 1000;
    const show = new Intl.DateTimeFormat(undefined, step >= 86400_000 ? { month: 'short', day: 'numeric' } : { hour: '2-digit', minute: '2-digit' });
    const zone = new Date(r.from).getTimezoneOffset() * 60_000; // marks are at round local times
    const line = element('div', 'axis');
    for (let t = Math.ceil((r.from - zone) / step) * step + zone; t < r.to; t += step) {
      const mark = element('span', 'mark', show.format(t));
      mark.style.left = `${at(t, r)}%`;
      line.append(mark);
    }
    return element('div', 'lane', element('span', 'lane-name'), line);
  }

  function row(path, recs, r) {
    const line = element('div', 'line');
    for (const rec of recs) {
      line.append(bar(rec, r));
      for (const e of rec.events || []) line.append(flag(e, r));
    }
    const name = element('span', 'lane-name', path);
    name.title = path;
    return element('div', 'lane', name, line);
  }

  function bar(rec, r) {
    const began = Date.parse(rec.start_time);
    const growing = rec.state === 'recording';
    const ended = growing ? r.to : Math.max(began, Date.parse(rec.end_time) || began);
    const el = element('button', `bar-of ${rec.state}`);
    el.dataset.rec = rec.id;
    el.style.left = `${at(began, r)}%`;
    el.style.width = `${at(ended, r) - at(began, r)}%`;
    const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });
    const said = `${rec.stream_path}, ${clock.format(began)} to ${growing ? 'now' : clock.format(ended)}${rec.protected ? ', protected' : ''}${rec.elsewhere ? `, recorded by ${rec.node}` : ''}`;
    el.setAttribute('aria-label', rec.url ? `Play ${said}` : said);
    el.title = said;
    const moment = (ev) => { // s into the recording under the pointer; its beginning, for the keyboard
      if (!ev.detail && ev.type === 'click') return 0;
      const box = el.parentElement.getBoundingClientRect();
      const ms = r.from + ((ev.clientX - box.left) / box.width) * (r.to - r.from);
      return Math.min(Math.max(0, (ms - began) / 1000), Math.max(0, (ended - began) / 1000 - 0.5));
    };
    el.addEventListener('mousemove', (ev) => { el.title = `${rec.stream_path}, ${clock.format(began + moment(ev) * 1000)}`; });
    el.addEventListener('click', (ev) => play(rec, moment(ev)));
    el.disabled = !rec.url;
    return el;
  }

  function flag(e, r) {
    const el = element('span', 'event-flag');
    el.style.left = `${at(Date.parse(e.at), r)}%`;
    el.title = `Event ${e.name || e.key || e.id}`;
    return el;
  }

  const change = (f) => () => {
    f();
    look(true).then((show) => show(), () => {}); // the next look says what is wrong
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
