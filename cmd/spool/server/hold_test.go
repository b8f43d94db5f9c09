package server

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// While a pipeline is held, a start or an event of its streams is refused with what to do, and the status says held.
func TestStreamsOfAHeldPipelineAreHeld(t *testing.T) {
	r := start(t, t.TempDir(), "streams: {live/x: {}}\n", 0, true)
	r.eventually("the catalogue answers", func() bool { return r.request(t, "GET", "/readyz", nil) == http.StatusOK })
	for _, how := range []string{"stop", "drain"} {
		require.Equal(t, http.StatusOK, r.ask("POST", "/mp4/pipelines/default/"+how, nil))
		for _, request := range []string{"start/live/x", "start/live/new?wait=true", "event/live/x", "event/live/new"} {
			var refused struct{ Status, Error string }
			require.Equal(t, http.StatusConflict, r.ask("POST", "/mp4/"+request, &refused), request)
			require.Equal(t, "pipeline default is held: POST /mp4/pipelines/default/start lets it record again", refused.Error, request)
		}
		var status struct {
			State     string
			Recording bool
		}
		require.Equal(t, http.StatusOK, r.ask("GET", "/mp4/status/live/x", &status))
		require.Equal(t, "held", status.State)
		require.False(t, status.Recording)

		require.Equal(t, http.StatusOK, r.ask("POST", "/mp4/pipelines/default/start", nil))
		var started struct{ Status string }
		require.Equal(t, http.StatusOK, r.ask("POST", "/mp4/start/live/x", &started))
		require.Contains(t, []string{"started", "already_recording"}, started.Status)
		require.Equal(t, http.StatusOK, r.ask("GET", "/mp4/status/live/x", &status))
		require.NotEqual(t, "held", status.State)
	}
}
