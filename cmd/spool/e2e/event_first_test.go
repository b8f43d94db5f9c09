package e2e

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// toldEvent holds the fields of an event's response and row.
type toldEvent struct {
	Status     string
	ID         string
	Event      string
	Actual     *time.Time `json:"actual_start"`
	Gone       *time.Time `json:"footage_gone_at"`
	Total      int        `json:"recordings_total"`
	Recordings []struct {
		ID, URL, State string
		Bytes          int64
		Protected      bool
	}
}

func (r *recorder) event(stream, body string) (e toldEvent) {
	r.t.Helper()
	resp, text := r.send("POST", "/mp4/event/"+stream, body, "Content-Type", "application/json")
	require.Equal(r.t, 200, resp.StatusCode, text)
	require.NoError(r.t, json.Unmarshal([]byte(text), &e))
	return e
}

// row returns an event by its key; nil if there is none.
func (r *recorder) row(key string) *toldEvent {
	r.t.Helper()
	if all := answer[struct{ Events []toldEvent }](r, "GET", "/mp4/events?key="+key).Events; len(all) > 0 {
		return &all[0]
	}
	return nil
}

// TestEventWakesABatteryCamera triggers an event on the built binary before the camera
// publishes, and another one with its first packets. The file begins with the first key frame
// and names both events. Their rows have its URL, and report when it is deleted.
func TestEventWakesABatteryCamera(t *testing.T) {
	t.Parallel()
	source := x264Clip(t)
	r := serve(t, `
pipelines:
  clips:
    streams: ["cam/*"]
    record: event
    stages: [source: {}, gop_ring: {before: 3, after: 2}, segmenter: {}, mp4: {}, metadata: {}]
`)
	r.await("catalogue: the database has every row")
	resp, text := r.send("POST", "/mp4/event/cam/a", `{}`, "Content-Type", "application/json")
	require.Equal(t, 404, resp.StatusCode, "an unknown stream")
	require.Contains(t, text, "wait")
	told := r.event("cam/a", `{"key": "bell", "wait": "10m"}`)
	require.Equal(t, "waiting", told.Status)
	require.Nil(t, told.Actual, "nothing is known yet")
	require.Empty(t, told.Recordings)

	p := publish(t, source, r.rtsp+"/cam/a", "tcp", "-re")
	eventually(t, "the camera publishes", func() bool { return len(answer[struct{ Streams []any }](r, "GET", "/mp4/streams").Streams) > 0 })
	r.event("cam/a", `{"key": "first", "after": 1}`)
	p.finish()
	for _, key := range []string{"bell", "first"} {
		var row *toldEvent
		eventually(t, key+" has its footage", func() bool {
			row = r.row(key)
			return row != nil && len(row.Recordings) == 1 && row.Recordings[0].State == "finished"
		})
		file := answer[struct {
			Record struct {
				Start time.Time `json:"start_time"`
				URL   string
			}
		}](r, "GET", "/mp4/records/"+row.Recordings[0].ID).Record
		require.True(t, row.Actual.Equal(file.Start), "the file's key frame, not the requested time")
		require.Equal(t, file.URL, row.Recordings[0].URL)
		code, body := r.ask("GET", row.Recordings[0].URL)
		require.Equal(t, 200, code)
		require.Len(t, body, int(row.Recordings[0].Bytes))
	}
	code, body := r.ask("DELETE", "/mp4/records/"+r.row("bell").Recordings[0].ID)
	require.Equal(t, 200, code, "%s", body)
	eventually(t, "the row reports that the footage is deleted", func() bool {
		row := r.row("bell")
		return row != nil && row.Gone != nil && len(row.Recordings) == 0 && row.Total == 0
	})
}

// TestEventOfARecordingWithoutRing checks that an event marks a running recording, whether a
// stage holds media back or not.
func TestEventOfARecordingWithoutRing(t *testing.T) {
	t.Parallel()
	r := serve(t, `
streams:
  cam/a: {pull: "testpattern://?size=320x180&fps=25&gop=25&audio=off"}
pipelines:
  all: {streams: ["cam/*"], record: always, stages: [source, segmenter, mp4, metadata]}
`)
	r.await("catalogue: the database has every row")
	r.awaitUnits("cam/a", 50)
	told := r.event("cam/a", `{"key": "k", "before": 1, "after": 0}`)
	require.Equal(t, "marked", told.Status)
	require.NotNil(t, told.Actual)
	require.Len(t, told.Recordings, 1)
	require.True(t, told.Recordings[0].Protected)
	row := r.row("k")
	require.Equal(t, told.Recordings[0].ID, row.Recordings[0].ID)
	require.True(t, told.Actual.Equal(*row.Actual))

	resp, text := r.send("PUT", "/mp4/pipelines/clips", `{streams: ["x/*"], record: event, stages: [source, segmenter, mp4, metadata]}`, "Content-Type", "application/yaml")
	require.Equal(t, 422, resp.StatusCode, text)
	require.Contains(t, text, "gop_ring")
}
