package e2e

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The API's responses as clients know them: these fields never change.
func TestResponsesKeepTheirFields(t *testing.T) {
	t.Parallel()
	r := serve(t, `
streams:
  site/3/floor/2/door: {pull: "testpattern://?size=320x180&fps=25&gop=25"}
  taken/over: {override_publisher: true}
`)
	const deep = "site/3/floor/2/door"
	r.says("POST", "/mp4/stop/"+deep, 200, `{"status":"not_recording","stream":"`+deep+`"}`)
	r.says("GET", "/mp4/list", 200, `{"status":"success","recordings":[],"count":0}`)
	r.says("POST", "/mp4/start/"+deep, 200, `{"status":"started","stream":"`+deep+`"}`)
	r.says("POST", "/mp4/start/"+deep, 200, `{"status":"already_recording","stream":"`+deep+`"}`)
	r.says("GET", "/mp4/list", 200, `{"status":"success","recordings":["`+deep+`"],"count":1}`)
	r.awaitUnits(deep, 50)
	eventually(t, "what was written is on the disk", func() bool { // fdatasync comes after the write
		return answer[map[string]any](r, "GET", "/mp4/status/"+deep)["last_durable"] != nil
	})
	r.shows("/mp4/status/"+deep, map[string]any{"stream": deep, "recording": true, "state": "recording"},
		"file", "started_at", "bytes", "last_access_unit", "last_durable", "drops", "gaps", "access_units")
	r.says("POST", "/mp4/stop/"+deep, 200, `{"status":"stopped","stream":"`+deep+`"}`)
	r.says("POST", "/mp4/stop/"+deep, 200, `{"status":"not_recording","stream":"`+deep+`"}`)
	r.shows("/mp4/status/"+deep, map[string]any{"stream": deep, "recording": false, "state": "idle"}, "file", "finish")

	r.failsWith("POST", "/mp4/start/live/nobody", http.StatusNotFound)
	r.failsWith("GET", "/mp4/status/live/nobody", http.StatusNotFound)
	r.failsWith("POST", "/mp4/start/../etc/passwd", http.StatusNotFound, http.StatusBadRequest)
	r.failsWith("GET", "/mp4/nothing/here", http.StatusNotFound)

	r.says("POST", "/mp4/start/live/later?wait=true", 200, `{"status":"started","stream":"live/later"}`)
	eventually(t, "its run waits for a publisher", func() bool { return r.status("live/later").State == "armed" })
	r.shows("/mp4/status/live/later", map[string]any{"stream": "live/later", "state": "armed"}, "recording")
	r.says("POST", "/mp4/stop/live/later", 200, `{"status":"stopped","stream":"live/later"}`)
	require.Empty(t, r.records("live/later"), "no publisher came, so no file was made")

	r.shows("/mp4/", map[string]any{}, "name", "version", "endpoints")
	r.shows("/mp4/streams", map[string]any{"count": float64(2)}, "streams")
}

// A recording with a duration stops by itself.
func TestDurationEndsARecording(t *testing.T) {
	t.Parallel()
	r := serve(t, `streams: {live/a: {pull: "testpattern://?size=320x180&fps=25&gop=25"}}`)
	r.start("live/a", "?duration=3")
	rec := r.awaitRecords("live/a", 1)[0]
	require.Equal(t, "duration", rec.EndReason)
	decodes(t, r.path(rec.File))
	eventually(t, "the job ends", func() bool { return !r.status("live/a").Recording })
	r.says("GET", "/mp4/list", 200, `{"status":"success","recordings":[],"count":0}`)
	require.Positive(t, rec.Duration)
	require.Less(t, rec.Duration, 3+patience.Seconds())
	t.Logf("asked for 3 s, recorded %v s", rec.Duration)
}

// One path has one publisher. The configuration decides which of two that is.
func TestSecondPublisher(t *testing.T) {
	t.Parallel()
	r := serve(t, `streams: {taken/over: {override_publisher: true}}`)
	r.expect("publisher refused", "publisher replaced", "media is missing")
	c := h264(t, "second", "320x180", "4", "25")
	for _, path := range []string{"live/one", "taken/over"} {
		r.start(path, "?wait=true")
		first := newCamera(t, r.rtsp+"/"+path, c)
		at := first.send(c.Units[:50], 0)
		r.awaitUnits(path, 25)
		second := func() (cam *camera, err error) {
			cam, err = tryCamera(t, r.rtsp+"/"+path, c)
			return cam, err
		}
		if path == "live/one" {
			tried := make(chan error, 1)
			go func() { _, err := second(); tried <- err }()
			rest, err := c.Units[50:], error(nil)
			for err == nil { // a publisher that is silent for two seconds would lose its path
				if len(rest) > 0 {
					at, rest = first.send(rest[:1], at), rest[1:]
				}
				select {
				case err = <-tried:
					require.ErrorContains(t, err, "bad status code")
				case <-time.After(time.Second / 10):
				}
			}
			first.send(rest, at)
			first.leave(r, path, 100)
			r.stop(path)
			recs := r.awaitRecords(path, 1)
			require.Len(t, recs, 1)
			require.Equal(t, 100, frames(t, r.path(recs[0].File)), "the first one was not disturbed")
			continue
		}
		first.arrived(r, path, 50) // the takeover closes the connection, and what is on its way is lost
		other, err := second()
		require.NoError(t, err)
		other.send(c.Units, 7000)
		other.leave(r, path, 150)
		recs := r.awaitRecords(path, 2)
		require.Equal(t, "replaced", recs[0].EndReason)
		require.Equal(t, 50, frames(t, r.path(recs[0].File)))
		require.Equal(t, "source_lost", recs[1].EndReason)
		require.Equal(t, 100, frames(t, r.path(recs[1].File)))
		r.stop(path)
	}
}

// says requires exactly these fields and values, and allows further ones.
func (r *recorder) says(method, path string, code int, want string) {
	r.t.Helper()
	got, body := r.ask(method, path)
	require.Equal(r.t, code, got, "%s", body)
	require.JSONEq(r.t, want, string(body))
}

// shows requires some values, and some fields with any value.
func (r *recorder) shows(path string, want map[string]any, keys ...string) {
	r.t.Helper()
	got := answer[map[string]any](r, "GET", path)
	for k, v := range want {
		require.Equal(r.t, v, got[k], "%s: %s", path, k)
	}
	for _, k := range keys {
		require.Contains(r.t, got, k, path)
	}
}

// failsWith requires one of the codes and, except for 200, the shape of an error.
func (r *recorder) failsWith(method, path string, codes ...int) {
	r.t.Helper()
	code, body := r.ask(method, path)
	require.Contains(r.t, codes, code, "%s", body)
	if code == http.StatusOK {
		return
	}
	var e map[string]string
	require.NoError(r.t, json.Unmarshal(body, &e), "%s", body)
	require.Equal(r.t, "error", e["status"])
	require.NotEmpty(r.t, e["error"])
	require.NotContains(r.t, e["error"], r.dir)
}
