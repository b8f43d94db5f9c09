package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestEventHasItsPreRoll runs the built binary in real time. No recording exists before the
// trigger, the file begins before it, and the catalogue has both.
func TestEventHasItsPreRoll(t *testing.T) {
	t.Parallel()
	r := serve(t, `
streams:
  cam/a: {pull: "testpattern://?size=320x180&fps=25&gop=25&audio=off"}
pipelines:
  events:
    streams: ["cam/*"]
    record: event
    stages: [source: {}, gop_ring: {before: 3, after: 1}, segmenter: {}, mp4: {}, metadata: {}]
`)
	var status struct {
		State     string
		Recording bool
		Ring      struct{ Seconds float64 }
	}
	require.Eventually(t, func() bool {
		code, body := r.ask("GET", "/mp4/status/cam/a")
		return code == 200 && json.Unmarshal(body, &status) == nil && status.Ring.Seconds >= 3 && status.State == "armed"
	}, patience, 20*time.Millisecond)
	require.Equal(t, "armed", status.State)
	require.False(t, status.Recording)
	require.Empty(t, r.list(".mp4"))
	require.Empty(t, r.list(".mp4.part"))

	code, body := r.ask("POST", "/mp4/event/cam/a")
	require.Equal(t, 200, code, "%s", body)
	var done struct {
		Status, Event string
		Requested     time.Time `json:"requested_start"`
		Actual        time.Time `json:"actual_start"`
		Until         time.Time
	}
	require.NoError(t, json.Unmarshal(body, &done))
	require.Equal(t, "started", done.Status)
	require.Equal(t, 4*time.Second, done.Until.Sub(done.Requested))
	require.False(t, done.Actual.After(done.Requested))
	require.Less(t, done.Requested.Sub(done.Actual), 1050*time.Millisecond, "the key frame at or before it, and no earlier one")

	r.await("recording finished", "reason", "event_end")
	files := r.list(".mp4")
	require.Len(t, files, 1)
	numbers := frameNumbers(t, files[0], 320, 180)
	whole(t, numbers)
	require.Zero(t, numbers[0]%25, "a key frame is the first")
	require.GreaterOrEqual(t, len(numbers), 4*25)

	var events struct {
		Events []struct{ ID string }
		Count  int
	}
	var records struct {
		Records []struct {
			File   string    `json:"file_path"`
			Start  time.Time `json:"start_time"`
			Events []struct{ ID string }
		}
	}
	code, body = r.ask("GET", "/mp4/events")
	require.Equal(t, 200, code)
	require.NoError(t, json.Unmarshal(body, &events))
	require.Equal(t, 1, events.Count)
	require.Equal(t, done.Event, events.Events[0].ID)
	_, body = r.ask("GET", "/mp4/records")
	require.NoError(t, json.Unmarshal(body, &records))
	require.Equal(t, filepath.Base(files[0]), records.Records[0].File)
	require.True(t, done.Actual.Equal(records.Records[0].Start))
	require.Equal(t, done.Event, records.Records[0].Events[0].ID)
}

// TestEventOfFinishedFootageIsOnTheDisk triggers an event long after its files are finished. A
// catalogue that is rebuilt from the disk alone has the event. The file's bytes and its ETag
// stay the same.
func TestEventOfFinishedFootageIsOnTheDisk(t *testing.T) {
	t.Parallel()
	for _, form := range []string{"fragment: false", "fragment: true"} {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			eventOfFinishedFootage(t, form)
		})
	}
}

func eventOfFinishedFootage(t *testing.T, form string) {
	r := serve(t, `
streams:
  cam/a: {pull: "testpattern://?size=320x180&fps=25&gop=25&audio=off"}
mp4: {`+form+`}
`)
	r.start("cam/a", "")
	r.awaitUnits("cam/a", 50)
	r.stop("cam/a")
	rec := r.rows("", 1)[0]
	old, bytes := r.send("GET", "/mp4/vod/"+rec.File, "")
	frames := frameNumbers(t, r.path(rec.File), 320, 180)

	trigger, err := json.Marshal(map[string]any{"at": rec.Start.Add(time.Second), "before": 0.5, "after": 0.5, "key": "bell-1", "name": "bell", "data": map[string]int{"door": 2}})
	require.NoError(t, err)
	resp, body := r.send("POST", "/mp4/event/cam/a", string(trigger), "Content-Type", "application/json")
	require.Equal(t, 200, resp.StatusCode, body)
	require.Contains(t, body, `"status":"marked"`)
	resp, _ = r.send("GET", "/mp4/vod/"+rec.File, "", "If-None-Match", old.Header.Get("ETag"))
	require.Equal(t, 304, resp.StatusCode, "its bytes are the same")
	_, now := r.send("GET", "/mp4/vod/"+rec.File, "")
	require.True(t, bytes == now, "not one byte of it is another")
	require.Equal(t, frames, frameNumbers(t, r.path(rec.File), 320, 180))
	want := answer[map[string]any](r, "GET", "/mp4/events")
	require.Len(t, want["events"], 1)
	var record map[string]any
	eventually(t, "the database has the event", func() bool {
		record = answer[struct{ Record map[string]any }](r, "GET", "/mp4/records/"+rec.ID).Record
		return record["pending"] == nil
	})
	r.end()

	for _, gone := range []string{"spool.db", "spool.db-wal", "spool.db-shm", ".spool-journal"} {
		require.NoError(t, os.RemoveAll(r.path(gone)))
	}
	require.Contains(t, r.command("reindex"), "1 added")
	again := launch(t, racyBinary, r.dir, "")
	again.await("catalogue: the database has every row")
	require.Equal(t, want, answer[map[string]any](again, "GET", "/mp4/events"), "from the disk alone")
	require.Equal(t, record, answer[struct{ Record map[string]any }](again, "GET", "/mp4/records/"+rec.ID).Record)
}
