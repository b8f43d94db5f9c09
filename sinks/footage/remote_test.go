package footage

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

// TestFactsOfARecordingStoredElsewhereStay checks that the facts of a recording that
// another location holds stay when its file is evicted, and go when the recording is deleted.
func TestFactsOfARecordingStoredElsewhereStay(t *testing.T) {
	for name, c := range map[string]struct {
		elsewhere media.Location
		stays     bool
	}{
		"in a bucket":           {media.Location{Bucket: "b", State: media.StateFinished}, true},
		"at another recorder":   {media.Location{Node: "other", State: media.StateRecovered}, true},
		"on its way":            {media.Location{Bucket: "b", State: media.StateRecording}, false},
		"nowhere any more":      {media.Location{Bucket: "b", State: media.StateLost}, false},
		"here alone, as it was": {media.Location{Node: "front", State: media.StateFinished}, false},
	} {
		w := newFixture(t)
		r := w.rows[one]
		r.Node = "front"
		r.Locations = []media.Location{{Node: "front", State: media.StateFinished}, c.elsewhere}
		w.rows[one] = r
		require.NoError(t, w.Evict(t.Context(), media.DeletedFile{ID: one, Path: path}, false))
		require.NotContains(t, w.files, path, name)
		require.Equal(t, c.stays, w.facts[one], name)

		r.State = media.StateRemote
		w.rows[one] = r
		require.NoError(t, w.Delete(t.Context(), one))
		require.NotContains(t, w.facts, one, name)
	}
}

// TestFactsStayWhileTheDatabaseIsDown checks that the facts stay while
// another location may hold the recording, and that Delete removes them regardless.
func TestFactsStayWhileTheDatabaseIsDown(t *testing.T) {
	w := newFixture(t)
	w.away = true
	require.NoError(t, w.Evict(t.Context(), media.DeletedFile{ID: one, Path: path}, false))
	require.NotContains(t, w.files, path)
	require.True(t, w.facts[one])
	require.NoError(t, w.Delete(t.Context(), one))
	require.NotContains(t, w.facts, one)
}
