package api

import (
	"errors"
	"testing"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/recorder"
	"github.com/stretchr/testify/require"
)

func TestStartStopAnswerTheirShapes(t *testing.T) {
	w := newFixture(t)
	s := w.server()
	for _, c := range []struct{ target, want string }{
		{"/mp4/start/live/camera01", `{"status":"started","stream":"live/camera01"}`},
		{"/mp4/start/live/camera01", `{"status":"already_recording","stream":"live/camera01"}`},
		{"/mp4/start/a/b/c/d", `{"status":"started","stream":"a/b/c/d"}`},
		{"/mp4/start/new%20one?wait=true", `{"status":"started","stream":"new one"}`},
		{"/mp4/stop/live/camera01", `{"status":"stopped","stream":"live/camera01"}`},
		{"/mp4/stop/live/camera01", `{"status":"not_recording","stream":"live/camera01"}`},
	} {
		r := do(s, "POST", c.target, "")
		require.Equal(t, 200, r.code, r.body)
		require.JSONEq(t, c.want, r.body, c.target)
	}
	require.Equal(t, recorder.StartOptions{Wait: true}, w.recording["new one"])
	require.Contains(t, do(s, "POST", "/mp4/start/nobody/here", "").refused(t, 404), `"nobody/here"`)
}

func TestStartReadsItsOptionsStrictly(t *testing.T) {
	w := newFixture(t)
	s := w.server()
	for q, want := range map[string]recorder.StartOptions{
		"duration=60":              {Duration: time.Minute},
		"duration=1h30m":           {Duration: 90 * time.Minute},
		"duration=1.5&wait=false":  {Duration: 1500 * time.Millisecond},
		"wait=true&duration=28800": {Wait: true, Duration: 8 * time.Hour},
	} {
		require.Equal(t, 200, do(s, "POST", "/mp4/start/off?"+q, "").code, q)
		require.Equal(t, want, w.recording["off"], q)
		do(s, "POST", "/mp4/stop/off", "")
	}
	for q, says := range map[string]string{
		"durtion=60": `did you mean "duration"?`, "x=1": "known are wait, duration", "wait=1": "neither true nor false",
		"wait=": "empty", "duration=0": "out of range", "duration=-5": "not a duration", "duration=-5s": "out of range", "duration=ten": "not a duration",
		"duration=1e9": "not a duration", "duration=99999999999999999999": "out of range", "duration=NaN": "not a duration",
		"duration=60&duration=5": "given 2 times", "wait=true;duration=5": "cannot be read", "wait=%zz": "cannot be read",
	} {
		require.Contains(t, do(s, "POST", "/mp4/start/off?"+q, "").refused(t, 400), says, q)
		require.Empty(t, w.recording, q)
	}
	require.Contains(t, do(s, "POST", "/mp4/stop/off?wait=true", "").refused(t, 400), "none are taken here")
}

func TestListAndIndex(t *testing.T) {
	w := newFixture(t)
	s := w.server()
	require.JSONEq(t, `{"status":"success","recordings":[],"count":0}`, do(s, "GET", "/mp4/list", "").body)
	do(s, "POST", "/mp4/start/live/camera01", "")
	do(s, "POST", "/mp4/start/a/b/c/d", "")
	require.JSONEq(t, `{"status":"success","recordings":["a/b/c/d","live/camera01"],"count":2}`, do(s, "GET", "/mp4/list", "").body)
	for _, path := range []string{"/mp4", "/mp4/"} {
		m := do(s, "GET", path, "").json(t)
		require.Equal(t, "spool", m["name"], path)
		require.Equal(t, "v1.2.3", m["version"], path)
		require.Len(t, m["endpoints"], len(routes()), path)
		require.Equal(t, 200, do(s, "HEAD", path, "").code, path)
	}
}

func TestStatusShowsTheStateWithoutSecrets(t *testing.T) {
	w := newFixture(t)
	s := w.server()
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("x", 3600))
	w.recording["live/camera01"] = recorder.StartOptions{}
	w.status["live/camera01"] = recorder.StreamStatus{Pipeline: "default", State: "recording", Report: pipeline.Report{
		Recording: true, File: w.dir + "/live/x.mp4.part", StartedAt: at, Bytes: 5, LastDurable: at,
		Drops: []pipeline.Drop{{Stage: "gop_ring", Cause: "overload", AccessUnits: 3, Bytes: 9}}, Gaps: 1,
		LastError:    "write " + w.dir + "/live/x.mp4.part: no space; pull rtsp://joe:secret@10.0.0.5/s; open /etc/spool/key.pem: denied",
		RingMaxBytes: 64, RingSpan: 1500 * time.Millisecond,
		Finish: pipeline.Finish{File: "/elsewhere/y.mp4", BytesWritten: 7, Took: time.Millisecond},
	}}
	w.list = []media.StreamInfo{{
		Path: "live/camera01", Losses: []media.Loss{{Cause: "rtp_loss", Count: 2}}, Repairs: []media.Repair{{Cause: "shared_timestamp", Count: 9}},
	}, {Path: "begins", Origin: "rtsp 127.0.0.1:5555"}}
	w.problems = map[string][]pipeline.Problem{"live/camera01": {{Problem: "nothing_kept", Cause: "rtsp://joe:secret@10.0.0.5"}}}
	m := do(s, "GET", "/mp4/status/live/camera01", "").json(t)
	require.Equal(t, "success", m["status"])
	require.Equal(t, true, m["recording"])
	require.Equal(t, "live/camera01", m["stream"])
	require.Equal(t, "live/x.mp4.part", m["file"])
	require.Equal(t, "2026-01-02T02:04:05.000000006Z", m["started_at"])
	require.Equal(t, "2026-01-02T02:04:05.000000006Z", m["last_durable"])
	require.Equal(t, "write live/x.mp4.part: no space; pull rtsp://10.0.0.5/…; open key.pem: denied", m["last_error"])
	require.Equal(t, []any{map[string]any{"stage": "ingest", "cause": "rtp_loss", "access_units": 2.0, "bytes": 0.0},
		map[string]any{"stage": "gop_ring", "cause": "overload", "access_units": 3.0, "bytes": 9.0}}, m["drops"])
	require.Equal(t, []any{map[string]any{"cause": "shared_timestamp", "count": 9.0}}, m["repairs"])
	require.Equal(t, "nothing_kept", m["problems"].([]any)[0].(map[string]any)["problem"])
	require.Equal(t, 1.5, m["ring"].(map[string]any)["seconds"])
	require.Equal(t, "y.mp4", m["finish"].(map[string]any)["file"])
	require.NotContains(t, m, "last_access_unit")

	m = do(s, "GET", "/mp4/status/off", "").json(t)
	require.Equal(t, false, m["recording"])
	require.Equal(t, []any{}, m["drops"])
	do(s, "GET", "/mp4/status/nobody", "").refused(t, 404)
	require.Equal(t, "idle", do(s, "GET", "/mp4/status/begins", "").json(t)["state"], "its tracks are not known yet")
}

func TestStreamsShowNoSecret(t *testing.T) {
	w := newFixture(t)
	w.list = []media.StreamInfo{
		{Path: "live/camera01", State: "live", Origin: "rtsp 127.0.0.1:5555", Tracks: []media.TrackInfo{{Kind: "video", Codec: "h264", Width: 1, Height: 2}}, Bytes: 7},
		{Path: "off", State: "configured", Configured: true, Pull: "rtsp://joe:secret@10.0.0.5/s", LastError: "dial rtsp://joe:secret@10.0.0.5: refused"},
	}
	w.problems = map[string][]pipeline.Problem{"off": {{Problem: "nothing_kept", Since: time.Unix(1, 0), Cause: "rtsp://joe:secret@10.0.0.5", Remedy: "wait"}}}
	r := do(w.server(), "GET", "/mp4/streams", "")
	require.NotContains(t, r.body, "secret")
	m := r.json(t)
	require.Equal(t, 2.0, m["count"])
	first := m["streams"].([]any)[0].(map[string]any)
	require.Equal(t, []any{map[string]any{"kind": "video", "codec": "h264", "width": 1.0, "height": 2.0}}, first["tracks"])
	require.Equal(t, "rtsp 127.0.0.1:5555", first["origin"])
	second := m["streams"].([]any)[1].(map[string]any)
	require.Equal(t, []any{}, second["tracks"])
	require.Equal(t, "nothing_kept", second["problems"].([]any)[0].(map[string]any)["problem"])
}

func TestErrorsHaveOneShapeAndTheRightCode(t *testing.T) {
	w := newFixture(t)
	s := w.server(func(c *Config, _ *Deps) { c.Limits.BodyBytes = 64 })
	do(s, "GET", "/nowhere", "").refused(t, 404)
	do(s, "GET", "/mp4/list/", "").refused(t, 404)
	r := do(s, "GET", "/mp4/start/x", "")
	r.refused(t, 405)
	require.Equal(t, "OPTIONS, POST", r.header.Get("Allow"))
	r = do(s, "OPTIONS", "/mp4/list", "", "Origin", "https://evil.example", "Access-Control-Request-Method", "GET")
	require.Equal(t, 200, r.code)
	require.Equal(t, "GET, HEAD, OPTIONS", r.header.Get("Allow"))
	require.Empty(t, r.header.Get("Access-Control-Allow-Origin"), "CORS is off")
	do(s, "POST", "/mp4/start/x", string(make([]byte, 65))).refused(t, 413)
	w.broken = errors.New(`pq: syntax error at "SELECT * FROM recordings" in /var/lib/secret`)
	text := do(s, "GET", "/mp4/records", "").refused(t, 500)
	require.NotContains(t, text, "SELECT")
	require.NotContains(t, text, "/var")
	require.Contains(t, w.log.String(), "SELECT")
	require.Contains(t, w.log.String(), text[len("internal error, logged as "):], "the number is in the log")
	w.broken = &Error{Code: 503, Text: "the database is down", Retry: 1500 * time.Millisecond}
	r = do(s, "GET", "/mp4/records", "")
	require.Equal(t, "the database is down", r.refused(t, 503))
	require.Equal(t, "2", r.header.Get("Retry-After"))
	w.stopErr = errors.New("panics do not matter here")
	do(s, "POST", "/mp4/stop/off", "").refused(t, 500)
}

func TestPanicInAHandlerIsAnError(t *testing.T) {
	w := newFixture(t)
	s := w.server(func(_ *Config, d *Deps) { d.Streams = nilStreams{w} })
	text := do(s, "GET", "/mp4/streams", "").refused(t, 500)
	require.NotContains(t, text, "boom")
	require.Contains(t, w.log.String(), "boom")
	require.Contains(t, w.log.String(), "responses_test.go", "the stack is in the log")
}

type nilStreams struct{ *fixture }

func (nilStreams) Paths() []string { panic("boom") }

func TestHeadIsGetWithoutABody(t *testing.T) {
	w := newFixture(t)
	_, base := w.run()
	for _, p := range []string{"/mp4/list", "/", "/healthz"} {
		head, get := fetch(t, "HEAD", "http://"+base+p), fetch(t, "GET", "http://"+base+p)
		require.Equal(t, 200, head.code)
		require.Empty(t, head.body)
		require.Equal(t, get.header.Get("Content-Type"), head.header.Get("Content-Type"))
	}
}
