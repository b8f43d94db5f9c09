package api

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/gospool/spool/pipeline/media"
	"github.com/stretchr/testify/require"
)

func TestDeleteTakesFileAndRow(t *testing.T) {
	w := newFixture(t)
	rec := w.add(1, "a")
	s := w.server()
	url := "/mp4/records/" + rec.ID.String()
	require.JSONEq(t, fmt.Sprintf(`{"status":"success","id":%q,"file_path":"a_01.mp4","size":100}`, rec.ID), do(s, "DELETE", url, "").body)
	require.NoFileExists(t, filepath.Join(w.dir, rec.Path))
	do(s, "DELETE", url, "").refused(t, 404)
	require.Contains(t, w.log.String(), "api: delete")
}

func TestProtectedGrowingOrOpenRecordingsStay(t *testing.T) {
	w := newFixture(t)
	protected := w.add(1, "a", func(r *media.Record) { r.Protected = true })
	growing := w.add(2, "a", func(r *media.Record) { r.State, r.EndReason = media.StateRecording, "" })
	read := w.add(3, "a")
	s := w.server()
	require.True(t, s.readers.Enter(read.Path))
	for rec, says := range map[string]string{protected.ID.String(): "protected", growing.ID.String(): "being written", read.ID.String(): "being read"} {
		require.Contains(t, do(s, "DELETE", "/mp4/records/"+rec, "").refused(t, 409), says)
	}
	require.Len(t, w.records, 3)
	s.readers.Leave(read.Path)
	require.Equal(t, 200, do(s, "DELETE", "/mp4/records/"+read.ID.String(), "").code)
}

// While a recording is being deleted no reader can open it.
func TestARecordingBeingDeletedIsNotOpened(t *testing.T) {
	w := newFixture(t)
	rec := w.add(1, "a")
	var s *Server
	during := 0
	s = w.server(func(_ *Config, d *Deps) {
		d.Catalogue = &watched{(*shelf)(w), func() { during = do(s, "GET", fileURL(rec.Path), "").code }}
	})
	require.Equal(t, 200, do(s, "DELETE", "/mp4/records/"+rec.ID.String(), "").code)
	require.Equal(t, 409, during)
	require.Equal(t, 404, do(s, "GET", fileURL(rec.Path), "").code)
}

// watched runs a check during a deletion.
type watched struct {
	*shelf
	look func()
}

func (c *watched) Delete(ctx context.Context, id media.ID) error {
	c.look()
	return c.shelf.Delete(ctx, id)
}

func TestDeleteByRangeDeletesTheInsideAndListsTheRest(t *testing.T) {
	for _, dry := range []bool{true, false} {
		w := newFixture(t)
		for i := range 2500 {
			w.records = append(w.records, w.bare(i, "a"))
		}
		w.add(-1, "b")
		w.add(2, "a/below", func(r *media.Record) { r.Protected = true; r.StartUTC++ })
		s := w.server()
		span := "start=2026-03-01T00:00:00Z&end=2026-03-01T00:30:00Z"
		m := do(s, "DELETE", fmt.Sprintf("/mp4/records?%s&stream=a&dry_run=%v", span, dry), "").json(t)
		require.Equal(t, dry, m["dry_run"])
		require.Equal(t, 1800.0, m["deleted"], "those of the first 30 minutes, one a second")
		require.Equal(t, 1800.0*7, m["bytes"])
		require.Len(t, m["records"], 1000)
		require.Equal(t, 0.0, m["kept"])
		left := 2502 - 1800
		if dry {
			left = 2502
		}
		require.Len(t, w.records, left)
	}
}

// bare is a record that lasts one second, the nth of a day, with a small file.
func (w *fixture) bare(n int, stream string) media.Record {
	start := int64(1772323200+n) * 1e9 // 2026-03-01T00:00:00Z
	r := media.Record{Recording: media.Recording{ID: media.ID{0, 1, byte(n >> 8), byte(n), 0, 0, 0x70, 0, 0x80}, Stream: stream,
		Path: fmt.Sprintf("%s/%d.mp4", stream, n), State: media.StateFinished, StartUTC: start, EndUTC: start + 1e9, SizeBytes: 7}}
	w.put(r.Path, make([]byte, 7))
	return r
}

func TestRangeKeepsRecordingsThatReachBeyondIt(t *testing.T) {
	w := newFixture(t)
	w.add(0, "live/a") // 00:00 to 00:01
	w.add(1, "live/a", func(r *media.Record) { r.Protected = true })
	w.add(2, "live/b")
	s := w.server()
	m := do(s, "DELETE", "/mp4/records?start=2026-03-01T00:00:30Z&end=2026-03-01T05:00:00Z&stream=live/*", "").json(t)
	require.Equal(t, 1.0, m["deleted"])
	require.Equal(t, 2.0, m["kept"])
	kept := m["kept_records"].([]any)
	require.Contains(t, kept[0].(map[string]any)["reason"], "reaches beyond")
	require.Contains(t, kept[1].(map[string]any)["reason"], "protected")
	require.Len(t, w.records, 2)
}

func TestRangeIsRequired(t *testing.T) {
	w := newFixture(t)
	w.add(0, "a")
	s := w.server()
	for _, q := range []string{"", "?stream=a", "?start=5", "?end=5", "?start=5&end=4", "?start=5&end=6&limit=5", "?start=5&end=6&dry_run=1", "?start=5&end=6&dryrun=true"} {
		do(s, "DELETE", "/mp4/records"+q, "").refused(t, 400)
	}
	require.Len(t, w.records, 1)
}

// While the database is away the list of a range may be incomplete, so nothing in the range is deleted.
func TestRangeIsNotDeletedInPart(t *testing.T) {
	w := newFixture(t)
	w.add(0, "a")
	w.degraded = true
	s := w.server()
	for _, dry := range []string{"false", "true"} {
		text := do(s, "DELETE", "/mp4/records?start=0&end=9000000000&dry_run="+dry, "").refused(t, 503)
		require.Contains(t, text, "does not answer")
	}
	require.Len(t, w.records, 1)
}

func TestDeletingAMissingFileFails(t *testing.T) {
	w := newFixture(t)
	rec := w.add(0, "a")
	require.NoError(t, os.Remove(filepath.Join(w.dir, rec.Path)))
	text := do(w.server(), "DELETE", "/mp4/records/"+rec.ID.String(), "").refused(t, 500)
	require.NotContains(t, text, w.dir)
}
