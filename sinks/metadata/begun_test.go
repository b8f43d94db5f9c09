package metadata

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

// TestRecordingsThatThisRunBegan are known until their end is put or their row is deleted, whatever
// the time in their ID.
func TestRecordingsThatThisRunBegan(t *testing.T) {
	o := OpenOptions{Driver: "sqlite", DSN: filepath.Join(t.TempDir(), "spool.db"), JournalDir: filepath.Join(t.TempDir(), "journal")}
	before := openWith(t, o)
	rec := sample(1, "live/a")
	rec.State, rec.EndReason = media.StateRecording, ""
	put(t, before, rec)
	require.True(t, before.Begun(rec.ID))
	ready(t, before.Catalogue)

	o.JournalDir = filepath.Join(t.TempDir(), "journal")
	c := openWith(t, o)
	ready(t, c.Catalogue)
	got, err := c.Record(t.Context(), rec.ID)
	require.NoError(t, err)
	require.Equal(t, media.StateRecording, got.State)
	require.False(t, c.Begun(rec.ID), "that was an earlier run")
	for n, end := range []func(media.Recording){
		func(r media.Recording) { r.State = media.StateFinished; put(t, c, r) },
		func(r media.Recording) { r.State = media.StateRecovered; put(t, c, r) },
		func(r media.Recording) {
			require.NoError(t, c.Forget(t.Context(), []media.DeletedFile{{ID: r.ID, Path: r.Path}}))
		},
	} {
		r := sample(2+n, "live/a")
		r.State, r.EndReason = media.StateRecording, ""
		put(t, c, r)
		require.True(t, c.Begun(r.ID))
		before := c.AllBegun()
		end(r)
		require.False(t, c.Begun(r.ID))
		require.Equal(t, map[media.ID]bool{r.ID: true}, before, "what was asked before it ended")
		require.Empty(t, c.AllBegun())
	}
}
