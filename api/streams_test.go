package api

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/recorder"
)

// remembered is a list of earlier streams.
type remembered map[string]bool

func (r remembered) Remembered() (all []media.StreamInfo) {
	for path := range r {
		all = append(all, media.StreamInfo{Path: path, State: "offline", LastAccessUnit: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)})
	}
	return all
}
func (r remembered) Seen(path string) bool { return r[path] }
func (r remembered) Forget(path string) bool {
	was := r[path]
	delete(r, path)
	return was
}

// A stream that went away stays, in the list and by its status, until it is forgotten.
func TestStreamsThatWentAwayStayListed(t *testing.T) {
	w := newFixture(t)
	w.list = []media.StreamInfo{{Path: "live/b", State: "live"}}
	s := w.server(func(_ *Config, d *Deps) { d.Seen = remembered{"live/a": true, "live/b": true, "live/c": true} })
	list := func() (out []string) {
		for _, st := range do(s, "GET", "/mp4/streams", "").json(t)["streams"].([]any) {
			st := st.(map[string]any)
			out = append(out, st["path"].(string)+" "+st["state"].(string))
			require.Equal(t, 200, do(s, "GET", "/mp4/status/"+st["path"].(string), "").code, "each listed stream has a status")
		}
		return out
	}
	require.Equal(t, []string{"live/a offline", "live/b live", "live/c offline"}, list())
	require.Equal(t, "2026-03-01T12:00:00.000000000Z", do(s, "GET", "/mp4/streams", "").json(t)["streams"].([]any)[0].(map[string]any)["last_access_unit"])
	require.Contains(t, do(s, "DELETE", "/mp4/streams/live/b", "").refused(t, 409), "only one that is offline")
	require.Equal(t, map[string]any{"status": "forgotten", "stream": "live/a"}, do(s, "DELETE", "/mp4/streams/live/a", "").json(t))
	require.Equal(t, []string{"live/b live", "live/c offline"}, list())
	do(s, "DELETE", "/mp4/streams/live/a", "").refused(t, 404)
	do(s, "GET", "/mp4/status/live/a", "").refused(t, 404)
	require.Contains(t, w.log.String(), "forget")
	do(newFixture(t).server(), "DELETE", "/mp4/streams/live/a", "").refused(t, 404)
}

// The list shows a recording as its status does, a waiting one included.
func TestStreamsAndStatusAgree(t *testing.T) {
	w := newFixture(t)
	w.list = []media.StreamInfo{{Path: "live/camera01", State: "waiting"}, {Path: "off", State: "configured"}}
	w.status["live/camera01"] = recorder.StreamStatus{State: "armed"}
	s := w.server()
	for i, path := range []string{"live/camera01", "off"} {
		status := do(s, "GET", "/mp4/status/"+path, "").json(t)
		listed := do(s, "GET", "/mp4/streams", "").json(t)["streams"].([]any)[i].(map[string]any)
		require.Equal(t, path, listed["path"])
		require.Equal(t, status["recording"], listed["recording"])
		require.Equal(t, status["state"], listed["recording_state"])
	}
}
