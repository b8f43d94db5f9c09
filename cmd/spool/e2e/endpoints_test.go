package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestEveryEndpointOnEachDatabase tests every endpoint of the built binary on each database.
func TestEveryEndpointOnEachDatabase(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *database) {
		args := append(db.flags(), "--set", "flush_interval=0.2", "--set", "mp4/max_duration=1", "--set", "mp4/filename_pattern={stream_path}/{timestamp}_{ms}.mp4")
		const streams = "streams: {live/a: {pull: 'testpattern://?size=160x120&fps=25&gop=25'}, live/deep/b: {pull: 'testpattern://?size=160x120&fps=25&gop=25'}}\n"
		r := launch(t, racyBinary, t.TempDir(), streams, args...)
		r.start("live/a", "")
		r.start("live/deep/b", "")
		r.growing("live/a")
		eventually(t, "three files of each", func() bool {
			return len(r.rows("state=finished&stream=live/a", 10)) >= 3 && len(r.rows("state=finished&stream=live/deep/b", 10)) >= 3
		})
		r.stop("live/a")
		r.stop("live/deep/b")
		r.rowsAreFiles()
		all := r.rows("", 1000)
		r.pages(all)
		r.protects(all[0])
		r.serves(all)
		r.deletes(all)
		r.tells()
		r.reindexes(db, args, streams)
	})
}

// growing requires that a growing recording is listed with its present size.
func (r *recorder) growing(stream string) {
	r.t.Helper()
	eventually(r.t, "a growing recording", func() bool {
		recs := r.rows("state=recording&stream="+stream, 10)
		if len(recs) != 1 || recs[0].Duration == 0 {
			return false
		}
		require.Positive(r.t, recs[0].Size)
		require.InDelta(r.t, recs[0].Duration, recs[0].End.Sub(recs[0].Start).Seconds(), 0.001)
		require.Empty(r.t, recs[0].EndReason)
		r.failsWith("DELETE", "/mp4/records/"+recs[0].ID, http.StatusConflict, http.StatusOK) // it may be finished by now
		return true
	})
}

// pages lists the rows by every query and compares them with all, which is newest first.
func (r *recorder) pages(all []row) {
	r.t.Helper()
	for i, rec := range all {
		require.NotEmpty(r.t, rec.ID)
		require.NotEmpty(r.t, rec.Node)
		require.Equal(r.t, "default", rec.Pipeline)
		require.Len(r.t, rec.Tracks, 2)
		require.Positive(r.t, rec.Size)
		require.Equal(r.t, time.UTC, rec.Start.Location())
		require.True(r.t, i == 0 || !rec.Start.After(all[i-1].Start))
		one := answer[struct{ Record row }](r, "GET", "/mp4/records/"+rec.ID)
		require.Equal(r.t, rec, one.Record)
	}
	require.Equal(r.t, all, r.rows("", 1), "page by page")
	oldest := r.rows("order=asc", 2)
	require.Len(r.t, oldest, len(all))
	require.Equal(r.t, all[len(all)-1], oldest[0])
	require.Equal(r.t, all, r.rows("stream=live/*", 3))
	require.Len(r.t, r.rows("stream=live/deep/*", 3), count(all, func(rec row) bool { return rec.Stream == "live/deep/b" }))
	require.Empty(r.t, r.rows("stream=live", 3))
	middle := all[len(all)/2]
	at := middle.Start.Add(time.Duration(middle.Duration/2*1e9) * time.Nanosecond)
	require.Equal(r.t, count(all, func(rec row) bool { return rec.Start.Before(at.Add(time.Millisecond)) && rec.End.After(at) }),
		len(r.rows(fmt.Sprintf("start=%s&end=%s", at.UTC().Format(time.RFC3339Nano), at.Add(time.Millisecond).UTC().Format(time.RFC3339Nano)), 100)),
		"overlap, not containment")
	for _, bad := range []string{"limit=0", "limit=1001", "order=up", "cursor=forged", "start=yesterday", "state=gone", "protected=perhaps", "unknown=1", "stream=../x"} {
		r.failsWith("GET", "/mp4/records?"+bad, http.StatusBadRequest)
	}
	r.failsWith("GET", "/mp4/records/01a2032a-fe89-7c4a-8354-0e8ff0e8ca8d", http.StatusNotFound)
	r.failsWith("GET", "/mp4/records/x", http.StatusBadRequest)
}

func count(all []row, f func(row) bool) (n int) {
	for _, rec := range all {
		if f(rec) {
			n++
		}
	}
	return n
}

// protects requires that a protected recording stays.
func (r *recorder) protects(rec row) {
	r.t.Helper()
	path := "/mp4/records/" + rec.ID
	patch := func(body string) (int, string) {
		resp, text := r.send("PATCH", path, body, "Content-Type", "application/json")
		return resp.StatusCode, text
	}
	before, content := r.send("GET", "/mp4/vod/"+rec.File, "")
	require.Equal(r.t, 200, before.StatusCode)
	for _, yes := range []string{"true", "false", "true"} {
		code, text := patch(`{"protected":` + yes + `}`)
		require.Equal(r.t, 200, code, text)
		require.Contains(r.t, text, `"protected":`+yes)
		after, same := r.send("GET", "/mp4/vod/"+rec.File, "")
		require.True(r.t, content == same, "the file is the one that it was")
		require.Equal(r.t, before.Header.Get("ETag"), after.Header.Get("ETag"))
		require.Equal(r.t, before.Header.Get("Last-Modified"), after.Header.Get("Last-Modified"))
	}
	require.Len(r.t, r.rows("protected=true", 10), 1)
	r.failsWith("DELETE", path, http.StatusConflict)
	for _, bad := range []string{`{}`, `{"protected":1}`, `{"name":"x"}`, `[`, ``} {
		code, _ := patch(bad)
		require.Equal(r.t, 400, code, bad)
	}
}

// serves fetches each file, whole and in part.
func (r *recorder) serves(all []row) {
	r.t.Helper()
	list := answer[struct {
		Status string
		Files  []struct {
			Filename, URL string
			Size          int64
			Duration      float64
		}
		Count int
	}](r, "GET", "/mp4/vod?limit=1000")
	require.Equal(r.t, len(all), list.Count)
	for _, f := range list.Files {
		want, err := os.ReadFile(r.path(f.Filename))
		require.NoError(r.t, err)
		require.Len(r.t, want, int(f.Size))
		resp, body := r.send("GET", f.URL, "")
		require.Equal(r.t, 200, resp.StatusCode)
		require.Equal(r.t, "video/mp4", resp.Header.Get("Content-Type"))
		require.Equal(r.t, "bytes", resp.Header.Get("Accept-Ranges"))
		require.Equal(r.t, string(want), body)
		resp, body = r.send("GET", f.URL, "", "Range", "bytes=10-19", "If-Range", resp.Header.Get("ETag"))
		require.Equal(r.t, 206, resp.StatusCode)
		require.Equal(r.t, string(want[10:20]), body)
		resp, body = r.send("HEAD", f.URL, "")
		require.Equal(r.t, int64(len(want)), resp.ContentLength)
		require.Empty(r.t, body)
	}
	r.failsWith("GET", "/mp4/vod/live/nothing.mp4", http.StatusNotFound)
}

// deletes deletes one recording, and then all except the protected one.
func (r *recorder) deletes(all []row) {
	r.t.Helper()
	gone := all[1]
	require.Contains(r.t, r.list(".mp4"), r.path(gone.File))
	answer[map[string]any](r, "DELETE", "/mp4/records/"+gone.ID)
	require.NotContains(r.t, r.list(".mp4"), r.path(gone.File))
	r.failsWith("GET", "/mp4/records/"+gone.ID, http.StatusNotFound)
	r.failsWith("DELETE", "/mp4/records/"+gone.ID, http.StatusNotFound)

	span := fmt.Sprintf("/mp4/records?stream=live/a&start=%d&end=%d", all[len(all)-1].Start.Unix()-1, all[0].End.Unix()+1)
	inRange := count(all, func(rec row) bool { return rec.Stream == "live/a" && rec.ID != gone.ID && rec.ID != all[0].ID })
	kept := count(all[:1], func(rec row) bool { return rec.Stream == "live/a" })
	type removed struct {
		Deleted, Kept int
		DryRun        bool `json:"dry_run"`
	}
	before := r.list(".mp4")
	require.Equal(r.t, removed{inRange, kept, true}, answer[removed](r, "DELETE", span+"&dry_run=true"))
	require.Equal(r.t, before, r.list(".mp4"))
	require.Equal(r.t, removed{inRange, kept, false}, answer[removed](r, "DELETE", span))
	require.Len(r.t, r.list(".mp4"), len(before)-inRange)
	r.rowsAreFiles()
	r.failsWith("DELETE", "/mp4/records", http.StatusBadRequest)
}

// tells checks the endpoints that describe the recorder.
func (r *recorder) tells() {
	r.t.Helper()
	r.shows("/mp4/", nil, "name", "version", "endpoints")
	r.shows("/mp4/openapi.json", map[string]any{"openapi": "3.1.0"}, "paths")
	r.shows("/mp4/list", map[string]any{"count": 0.0}, "recordings")
	r.shows("/mp4/streams", nil, "streams")
	r.shows("/mp4/status/live/a", map[string]any{"recording": false})
	r.shows("/readyz", map[string]any{"status": "ready"}, "checks")
	code, body := r.ask("GET", "/healthz")
	require.Equal(r.t, "200 ok\n", fmt.Sprintf("%d %s", code, body))
	require.Equal(r.t, 1.0, r.metric("spool_catalogue_connected"))
	eventually(r.t, "the database has all changes", func() bool { return r.metric("spool_catalogue_pending_changes") == 0 })
	require.Positive(r.t, r.metric("spool_catalogue_applied_changes_total"))
	require.Positive(r.t, r.metric("spool_disk_write_seconds_count"))
	require.Positive(r.t, r.metric("spool_disk_sync_seconds_count"))
	require.Positive(r.t, r.metric("spool_disk_finish_seconds_count"))
	require.Positive(r.t, r.metric("spool_disk_free_bytes"))
	require.Positive(r.t, r.metric(`spool_stream_access_units_total{stream="live/a"}`))
}

// reindexes runs reindex beside the recorder. It then starts the recorder on an empty database
// without a journal, which must get the same rows from the disk alone.
func (r *recorder) reindexes(db *database, args []string, streams string) {
	t := r.t
	t.Helper()
	want := r.rows("", 1000)
	lost := want[len(want)-1]
	require.NoError(t, os.Remove(r.path(lost.File)))
	r.start("live/a", "")
	r.awaitUnits("live/a", 10)
	found := func() string { return r.command(append([]string{"reindex"}, db.flags()...)...) }
	require.Contains(t, found(), " 1 lost") // a recording that was just finished counts as lost if its row was still under way
	eventually(t, "all that is finished has its row", func() bool { return strings.Contains(found(), "0 added, 0 updated, 0 lost") })
	require.Equal(t, "lost", answer[struct{ Record row }](r, "GET", "/mp4/records/"+lost.ID).Record.State)
	eventually(t, "a growing recording is protected", func() bool {
		growing := r.rows("state=recording", 1)
		if len(growing) == 0 {
			return false
		}
		resp, text := r.send("PATCH", "/mp4/records/"+growing[0].ID, `{"protected":true}`, "Content-Type", "application/json")
		require.Equal(t, 200, resp.StatusCode, text)
		return true
	})
	r.stop("live/a")
	r.failsWith("GET", "/mp4/vod/"+lost.File, http.StatusNotFound)
	answer[map[string]any](r, "DELETE", "/mp4/records/"+lost.ID)
	r.rowsAreFiles()
	want = r.rows("", 1000)
	r.end()

	fresh := db.empty(t, r)
	for _, journal := range []string{".spool-journal", ".spool-journal-reindex"} {
		require.NoError(t, os.RemoveAll(filepath.Join(r.files, journal)))
	}
	again := launch(t, racyBinary, r.dir, streams, append(args, fresh.flags()...)...)
	again.rowsAreFiles()
	got := again.rows("", 1000)
	require.Equal(t, want, got, "the same rows, from the disk alone")
	require.Equal(t, 2, count(got, func(rec row) bool { return rec.Protected }), "protection is on the disk")
	text, err := json.Marshal(got)
	require.NoError(t, err)
	require.NotContains(t, string(text), r.dir)
}
