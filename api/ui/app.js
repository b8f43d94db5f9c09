// The page shows live streams and recordings. It uses only the API of /mp4/.
import { timeline } from './timeline.js';
import { watch } from './watch.js';

const $ = (id) => document.getElementById(id);
const pageSize = 50;
const mostStreams = 200; // shown; each costs a request for its status
const mostProblems = 50; // shown, the worst first
const every = 2000; // ms between two updates

// here resolves a URL of the API relative to this page, which a proxy may serve below a path.
const here = (url) => new URL(url.replace(/^\//, ''), location.origin + location.pathname).href;

// ask calls the API and returns its answer. It throws the server's error.
async function ask(method, url, body) {
  const init = { method, headers: { Accept: 'application/json' } };
  if (body !== undefined) {
    init.headers['Content-Type'] = 'application/json';
    init.body = JSON.stringify(body);
  }
  const res = await fetch(here(url), init);
  const data = await res.json().catch(() => ({}));
  if (!res.ok) throw new Error(data.error || `The server answered ${res.status}.`);
  return data;
}

const escapePath = (p) => p.split('/').map(encodeURIComponent).join('/');

// say shows an error until it is closed, or until an operation of the same kind succeeds:
// an action of the user ('act'), or an update of the page ('look').
let saidBy = '';
function say(text, by = 'act') {
  if (!text && saidBy && saidBy !== by) return;
  saidBy = text ? by : '';
  $('alert').hidden = !text;
  if ($('alert-text').textContent !== text) $('alert-text').textContent = text;
}

// Formatting of values.
const two = (n) => String(n).padStart(2, '0');
function length(seconds) {
  const s = Math.max(0, Math.round(seconds));
  const rest = `${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
  return s >= 3600 ? `${Math.floor(s / 3600)}:${rest}` : rest;
}
function size(bytes) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let i = 0;
  for (; bytes >= 1024 && i < units.length - 1; i++) bytes /= 1024;
  return `${bytes.toFixed(i && bytes < 100 ? 1 : 0)} ${units[i]}`;
}
function track(t) {
  if (t.kind === 'video') return `${t.codec} ${t.width}×${t.height}`;
  return `${t.codec} ${t.sample_rate / 1000} kHz${t.channels === 1 ? ' mono' : t.channels === 2 ? ' stereo' : ` ${t.channels} channels`}`;
}
const when = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });

// keyed updates a list to the rows of the data, in its order. It reuses rows that stay, so
// that they keep the focus.
function keyed(parent, list, key, make, update) {
  const focused = document.activeElement;
  const old = new Map([...parent.children].map((el) => [el.dataset.key, el]));
  let at = parent.firstElementChild;
  for (const item of list) {
    const k = key(item);
    let el = old.get(k);
    old.delete(k);
    if (!el) {
      el = make(item);
      el.dataset.key = k;
    }
    update(el, item);
    if (el === at) at = at.nextElementSibling;
    else parent.insertBefore(el, at);
  }
  for (const el of old.values()) el.remove();
  // Moving a row takes its focus away.
  if (focused !== document.activeElement && parent.contains(focused)) focused.focus({ preventScroll: true });
}

const clone = (id) => $(id).content.firstElementChild.cloneNode(true);
const part = (el, name) => el.querySelector(`[data-${name}]`);
function put(el, name, text) {
  const p = part(el, name);
  if (p.textContent !== text) p.textContent = text;
  return p;
}

// act runs a button's action, one at a time, and then updates the page.
async function act(button, what) {
  if (button.ariaBusy === 'true') return;
  button.ariaBusy = 'true'; // not disabled, because that takes the focus away
  try {
    await what();
    say('');
  } catch (e) {
    say(e.message);
  } finally {
    button.ariaBusy = 'false';
    look();
  }
}

// The caller's roles, from the API. Buttons that need another role are hidden.
let may = new Set();
async function lookAtSelf() {
  const a = await ask('GET', '/mp4/');
  may = new Set(a.roles);
  $('version').textContent = a.version;
  const [to] = a.publish_to;
  $('publish').hidden = !to;
  if (to) $('publish-to').textContent = `${to.scheme}://${to.host || location.hostname}:${to.port}/live/mine`;
}

// Present problems, one a line.
function updateProblem(el, p) {
  put(el, 'what', [p.stream, p.problem.replaceAll('_', ' ')].filter(Boolean).join(': '));
  put(el, 'since', `since ${when.format(new Date(p.since))}`);
  put(el, 'cause', p.cause);
  put(el, 'remedy', p.cause.includes(p.remedy) ? '' : p.remedy);
}

async function lookAtHealth() {
  const { status, problems } = await ask('GET', `/mp4/health?limit=${mostProblems}`);
  return () => {
    keyed($('problems'), problems, (p) => `${p.problem} ${p.stream || ''} ${p.cause}`, () => clone('problem-line'), updateProblem);
    $('problems').classList.toggle('mild', status !== 'failing');
    $('problems').hidden = problems.length === 0;
  };
}

// Streams.
function makeStream(st) {
  const el = clone('stream-card');
  const button = part(el, 'act');
  button.addEventListener('click', () => {
    const verb = el.dataset.asked === 'true' ? 'stop' : 'start';
    const wait = verb === 'start' && el.dataset.state !== 'live' ? '?wait=true' : '';
    act(button, () => ask('POST', `/mp4/${verb}/${escapePath(st.path)}${wait}`));
  });
  part(el, 'watch').addEventListener('click', () => show(el.stream));
  part(el, 'watch').setAttribute('aria-label', `Watch ${st.path}`);
  const forget = part(el, 'forget');
  forget.addEventListener('click', () => act(forget, () => ask('DELETE', `/mp4/streams/${escapePath(st.path)}`)));
  forget.setAttribute('aria-label', `Forget ${st.path}`);
  return el;
}

function updateStream(el, st) {
  const asked = !['idle', 'held'].includes(st.recording_state); // recorded now, or as soon as it is live
  el.dataset.asked = asked;
  el.dataset.state = st.state;
  el.stream = st;
  part(el, 'watch').hidden = st.state !== 'live';
  put(el, 'path', st.path);
  put(el, 'state', st.state).className = `badge ${st.state}`;
  const s = st.status;
  put(el, 'rec', s && s.started_at && s.state === 'recording'
    ? `recording ${length((Date.now() - Date.parse(s.started_at)) / 1000)} · ${size(s.bytes)}`
    : s ? s.state : st.recording_state).hidden = st.recording_state === 'idle';
  put(el, 'tracks', st.tracks.map(track).join(' · '));
  const unrecorded = (st.unrecorded || []).map((codec) => `${codec} is not recorded`).join(' · ');
  put(el, 'unrecorded', unrecorded).hidden = !unrecorded;
  put(el, 'from', [st.state === 'offline' ? `last seen ${when.format(new Date(st.last_access_unit))}` : '', st.origin || st.pull, st.bytes ? `${size(st.bytes)} received` : ''].filter(Boolean).join(' · '));
  const dropped = (s ? s.drops : st.drops).reduce((n, d) => n + d.access_units, 0);
  const problems = new Set([...(st.problems || []), ...((s && s.problems) || [])].map((p) => `${p.cause} – ${p.remedy}`));
  const failed = st.state !== 'live' && !(st.problems || []).length && st.last_error; // else the pull works again, or its error is among the problems
  const problem = [...problems, failed, s && s.last_error, dropped ? `${dropped} access units were dropped` : ''].filter(Boolean).join('; ');
  put(el, 'problem', problem).hidden = !problem;
  const button = put(el, 'act', asked ? 'Stop' : st.state === 'live' || st.pull ? 'Record' : 'Record when live');
  button.hidden = !may.has('control');
  part(el, 'forget').hidden = st.state !== 'offline' || !may.has('admin');
  button.classList.toggle('stop', asked);
  button.setAttribute('aria-label', `${button.textContent} ${st.path}`);
}

async function lookAtStreams() {
  const { streams, total } = await ask('GET', `/mp4/streams?limit=${mostStreams}`);
  await Promise.all(streams.filter((st) => st.recording_state !== 'idle').map(async (st) => {
    st.status = await ask('GET', `/mp4/status/${escapePath(st.path)}`).catch(() => null);
  }));
  return () => {
    keyed($('streams'), streams, (st) => st.path, makeStream, updateStream);
    keyed($('paths'), streams, (st) => st.path, () => document.createElement('option'), (el, st) => { el.value = st.path; });
    $('streams-empty').hidden = streams.length > 0;
    const live = streams.filter((st) => st.state === 'live').length;
    const shown = total ? `the first ${streams.length} of ${total}` : streams.length;
    $('streams-count').textContent = streams.length ? `${live} live of ${shown}` : '';
  };
}

// Recordings: the newest page is updated periodically. A click adds older pages below it.
let older = [];
let next = '';

function filters() {
  const q = new URLSearchParams({ limit: pageSize });
  const stream = $('filter-stream').value.trim();
  if (stream) q.set('stream', stream);
  for (const edge of ['start', 'end']) {
    const v = $(`filter-${edge}`).value;
    if (v) q.set(edge, new Date(v).toISOString());
  }
  if ($('filter-protected').checked) q.set('protected', 'true');
  return q;
}

function makeRecord(rec) {
  const el = clone('record-row');
  const url = `/mp4/records/${rec.id}`;
  const button = (name) => part(el, name);
  button('play').addEventListener('click', () => play(el.record));
  button('protect').addEventListener('click', (e) => act(e.target, () => ask('PATCH', url, { protected: !el.record.protected })));
  button('delete').addEventListener('click', async (e) => {
    if (!await sure(`Delete the recording of ${rec.stream_path} from ${when.format(new Date(rec.start_time))}? This deletes its file.`)) return;
    act(e.target, async () => {
      await ask('DELETE', url);
      older = older.filter((o) => o.id !== rec.id);
    });
  });
  return el;
}

function updateRecord(el, rec) {
  el.record = rec;
  const growing = rec.state === 'recording';
  const name = `${rec.stream_path}, ${when.format(new Date(rec.start_time))}`;
  put(el, 'began', when.format(new Date(rec.start_time)));
  put(el, 'stream', rec.stream_path);
  put(el, 'length', length(rec.duration || (growing ? (Date.now() - Date.parse(rec.start_time)) / 1000 : 0)));
  put(el, 'size', size(rec.size));
  put(el, 'state', growing ? 'growing' : rec.state).className = `badge ${rec.state}`;
  put(el, 'why', [rec.end_reason && rec.end_reason !== 'stop' ? rec.end_reason.replaceAll('_', ' ') : '',
    rec.gap ? `${rec.gap.cause.replaceAll('_', ' ')} before it` : '', rec.pending && !growing ? 'not in the database yet' : '', rec.elsewhere ? `recorded by ${rec.node}: ask it` : ''].filter(Boolean).join(' · '));
  for (const b of ['play', 'download']) {
    part(el, b).hidden = !rec.url;
    part(el, b).setAttribute('aria-label', `${b === 'play' ? 'Play' : 'Download'} ${name}`);
  }
  if (rec.url) part(el, 'download').href = `${here(rec.url)}&download=true`;
  for (const [b, role] of [['protect', 'control'], ['delete', 'admin']]) part(el, b).hidden = !!rec.elsewhere || !may.has(role);
  const protect = put(el, 'protect', rec.protected ? 'Protected' : 'Protect');
  protect.setAttribute('aria-pressed', rec.protected);
  const del = part(el, 'delete');
  del.disabled = rec.protected || growing;
  del.title = growing ? 'It is being written.' : rec.protected ? 'It is protected.' : '';
  del.setAttribute('aria-label', `Delete ${name}`);
}

async function lookAtRecords() {
  const a = await ask('GET', `/mp4/records?${filters()}`);
  return () => {
    if (!older.length) next = a.next || '';
    showRecords(a.records, a.degraded);
  };
}

function showRecords(newest, degraded) {
  const seen = new Set(newest.map((r) => r.id));
  const all = newest.concat(older.filter((r) => !seen.has(r.id)));
  keyed($('records'), all, (r) => r.id, makeRecord, updateRecord);
  $('records-empty').hidden = all.length > 0;
  $('records-count').textContent = all.length ? `${all.length}${next ? '+' : ''} shown` : '';
  $('degraded').hidden = !degraded;
  $('more').hidden = !next;
}

async function more() {
  const q = filters();
  q.set('cursor', next);
  if (!older.length) older = [...$('records').children].map((el) => el.record);
  const a = await ask('GET', `/mp4/records?${q}`);
  older = older.concat(a.records);
  next = a.next || '';
}

// Player. At the end it continues with the new part of a growing recording, or with the
// recording that follows without a gap.
const touching = 2000; // ms
const again = 1000; // ms between two checks of a growing recording
let playing = null;
let from = 0; // s
function play(rec, seconds = 0) {
  unwatch();
  playing = rec;
  from = seconds;
  const video = $('video');
  $('player-title').textContent = `${rec.stream_path}, ${when.format(new Date(rec.start_time))}`;
  note(rec.state === 'recording' ? 'This recording still grows: the player goes on with the new part.' : '');
  if (!decodes(rec)) note(undecodable);
  video.src = `${here(rec.url)}#t=${seconds}`; // the fragment makes a new URL: a browser would reuse its cached part of the same URL
  if (!$('player').open) $('player').showModal();
  video.play().catch(() => {}); // the user can press play
}

// show plays a live stream.
let unwatch = () => {};
function show(st) {
  unwatch();
  playing = { live: true, tracks: st.tracks };
  from = 0;
  $('player-title').textContent = `${st.path}, live`;
  note('');
  $('video').removeAttribute('src');
  unwatch = watch($('video'), escapePath(st.path), here, note);
  if (!$('player').open) $('player').showModal();
}

function note(text) { $('player-note').textContent = text; }

// Many cameras send HEVC, and many browsers cannot decode it.
const undecodable = 'This browser cannot decode H.265 (HEVC). Download the recording to play it elsewhere, or use a browser and a machine that decode it.';
const isHEVC = (rec) => rec.tracks.some((t) => t.codec === 'h265');
function decodes(rec) {
  return !isHEVC(rec) || ['hvc1', 'hev1'].some((c) => $('video').canPlayType(`video/mp4; codecs="${c}.1.6.L120.90"`));
}

function playFailed() {
  const video = $('video');
  if (!video.error || !video.getAttribute('src')) return;
  if (video.error.code === MediaError.MEDIA_ERR_NETWORK) note('The connection was lost while playing.');
  else note(isHEVC(playing) ? undecodable : 'This browser cannot play the recording; its codec may be missing here. Download it to play it elsewhere.');
}

// begun seeks to the start position. Some browsers play only the sound of video that they cannot decode.
function begun() {
  if (from) $('video').currentTime = from;
  if (!$('video').videoWidth && isHEVC(playing)) note(undecodable);
}

async function playOn() {
  const was = playing;
  if (was.live) return note('The stream has ended.');
  const current = () => playing === was && $('player').open;
  if (was.state === 'recording') {
    const at = $('video').currentTime;
    const { record } = await ask('GET', `/mp4/records/${was.id}`);
    if (!current()) return;
    const length = (Date.parse(record.end_time) - Date.parse(record.start_time)) / 1000;
    if (record.url && Math.max(record.duration, length) > at + 0.5) play(record, at);
    else if (record.state === 'recording') setTimeout(() => { if (current() && $('video').ended) playOn().catch(() => {}); }, again);
    else { playing = record; await follow(record); }
  } else await follow(was);
}

async function follow(was) {
  const ended = Date.parse(was.end_time);
  const q = new URLSearchParams({ limit: 2, order: 'asc', stream: was.stream_path, start: was.end_time, end: new Date(ended + touching).toISOString() });
  const { records } = await ask('GET', `/mp4/records?${q}`);
  const follows = records.find((r) => r.id !== was.id && r.url && Date.parse(r.start_time) >= Date.parse(was.start_time));
  if (follows && playing === was && $('player').open) play(follows);
}

function stopPlaying() {
  if ($('player').open) return; // a late event: another recording was opened meanwhile
  playing = null;
  unwatch();
  unwatch = () => {};
  $('video').removeAttribute('src');
  $('video').load();
}

// sure asks for a confirmation before a deletion. The buttons answer, not the dialog's close
// event, which may come after the next question.
let answered = () => {};
function sure(text) {
  $('confirm-text').textContent = text;
  $('confirm').showModal();
  return new Promise((done) => { answered = done; });
}

const line = timeline(ask, play);

// One update at a time, repeated after a pause. It draws all answers at once, so that
// nothing moves under the pointer with each answer.
let timer = 0;
let looking = false;
let known = false; // the caller's roles are known
async function look() {
  clearTimeout(timer);
  if (!looking && !document.hidden) {
    looking = true;
    try {
      if (!known) await lookAtSelf();
      known = true;
      const found = await Promise.allSettled([lookAtHealth(), lookAtStreams(), lookAtRecords(), line.look()]);
      for (const { value: draw } of found) draw?.();
      const failed = found.find((f) => f.status === 'rejected');
      if (failed) throw failed.reason;
      link(true, 'connected');
      say('', 'look');
    } catch (e) {
      if (e instanceof TypeError) link(false, 'no connection to the recorder, trying again');
      else say(e.message, 'look');
    } finally {
      looking = false;
    }
  }
  timer = setTimeout(look, every);
}

function link(up, text) {
  if ($('link').textContent !== text) $('link').textContent = text;
  $('link').classList.toggle('down', !up);
}

for (const id of ['filter-stream', 'filter-start', 'filter-end', 'filter-protected']) {
  $(id).addEventListener('change', () => { older = []; say(''); look(); });
}
$('more').addEventListener('click', (e) => act(e.target, more));
$('alert-close').addEventListener('click', () => say('', saidBy));
$('player-close').addEventListener('click', () => $('player').close());
$('player').addEventListener('close', stopPlaying);
$('video').addEventListener('error', playFailed);
$('video').addEventListener('loadedmetadata', begun);
$('video').addEventListener('ended', () => playOn().catch(() => {})); // the recording was the last one
for (const [name, yes] of [['confirm-yes', true], ['confirm-no', false]]) {
  $(name).addEventListener('click', () => { $('confirm').close(); answered(yes); });
}
$('confirm').addEventListener('cancel', () => answered(false)); // Escape
document.addEventListener('visibilitychange', () => { if (!document.hidden) look(); });
look();
