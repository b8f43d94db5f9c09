// Shows a live stream: by WHEP where the browser and the stream allow it, else as one endless MP4, which is shown a little later.
const patience = 5000; // ms, for the media to connect

// connect begins to play by WHEP. It returns the connection and the URL of its session, and throws the reason why it cannot.
async function connect(video, url, note) {
  const pc = new RTCPeerConnection();
  let session = '';
  const stream = new MediaStream();
  pc.addEventListener('track', (e) => stream.addTrack(e.track));
  try {
    for (const kind of ['video', 'audio']) pc.addTransceiver(kind, { direction: 'recvonly' });
    await pc.setLocalDescription();
    const res = await fetch(url, { method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body: pc.localDescription.sdp });
    const text = await res.text();
    if (res.status !== 201) throw new Error(JSON.parse(text).error);
    session = new URL(res.headers.get('Location').split('/').pop(), `${url}/`).href;
    await pc.setRemoteDescription({ type: 'answer', sdp: text });
    await new Promise((done, fail) => {
      setTimeout(() => fail(new Error('its media cannot be reached')), patience);
      pc.addEventListener('connectionstatechange', () => { if (pc.connectionState === 'connected') done(); });
    });
    note(res.headers.get('Left-Out') || '');
    video.srcObject = stream;
    return { pc, session };
  } catch (e) {
    leave({ pc, session });
    throw e;
  }
}

// leave closes a connection. Without its request the server notices that by itself, but later.
function leave({ pc, session }) {
  pc.close();
  if (session) fetch(session, { method: 'DELETE', keepalive: true }).catch(() => {});
}

// watch shows the stream of a path, and returns the function that ends it. here resolves a URL of the API, and note tells the
// user a remark.
export function watch(video, path, here, note) {
  let ended = false;
  let live = null;
  const end = () => {
    ended = true;
    video.srcObject = null;
    if (live) leave(live);
  };
  connect(video, here(`/whep/${path}`), (text) => { if (!ended) note(text); }).then((made) => {
    live = made;
    if (ended) end();
    live.pc.addEventListener('connectionstatechange', () => {
      if (!ended) note(live.pc.connectionState === 'connected' ? '' : 'The stream has ended, or its connection is lost.');
    });
  }, (e) => {
    if (ended) return;
    note(`Shown with some delay: ${e.message}.`);
    video.src = here(`/mp4/live/${path}.mp4`);
  }).then(() => { if (!ended) video.play().catch(() => {}); }); // the user can press play
  return end;
}
