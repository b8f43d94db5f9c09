package metadata

import (
	"context"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
)

func TestTheSinkStoresAndNeverFailsTheRun(t *testing.T) {
	c := open(t, "sqlite", servers.Fresh(t, "sqlite"))
	s := &sink{catalogue: c.Catalogue, log: slog.New(slog.DiscardHandler)}
	ctx, abort := context.WithCancel(t.Context())
	abort()
	require.NoError(t, s.Consume(ctx, sample(1, "live/a")), "an abort must not cost the row")
	require.NoError(t, s.Consume(t.Context(), media.Recording{}))
	require.NoError(t, s.Flush(t.Context()))
	var r pipeline.Report
	s.Report(&r)
	require.Contains(t, r.LastError, "no ID")
	require.EqualValues(t, 1, s.lost.Load())
	ready(t, c.Catalogue)
	require.Len(t, all(t, c, media.Query{}), 1)
}

// TestTheSinkKeepsEventsThatTheRowCannotName does not store the row again for each of them.
func TestTheSinkKeepsEventsThatTheRowCannotName(t *testing.T) {
	c := open(t, "sqlite", servers.Fresh(t, "sqlite"))
	s := &sink{catalogue: c.Catalogue, log: slog.New(slog.DiscardHandler)}
	rec := sample(1, "live/x")
	rec.State, rec.Beyond = media.StateRecording, []media.Event{eventNo(0, 0)}
	require.NoError(t, s.Consume(t.Context(), rec))
	require.NoError(t, c.Flush(t.Context()))
	rows := c.Stats().Applied
	rec.Beyond = []media.Event{eventNo(1, 0)}
	require.NoError(t, s.Consume(t.Context(), rec))
	require.NoError(t, c.Flush(t.Context()))
	require.Equal(t, rows+1, c.Stats().Applied, "the event alone")
	rec.Beyond, rec.Protected = []media.Event{eventNo(2, 0)}, true
	require.NoError(t, s.Consume(t.Context(), rec))
	for _, key := range []string{"a", "b", "c"} {
		require.Equal(t, []media.ID{rec.ID}, filesOf(theEvent(t, c, key)), key)
	}
	got, err := c.Record(t.Context(), rec.ID)
	require.NoError(t, err)
	require.True(t, got.Protected, "the row has the new value")
}

func TestTheSinkNeedsTheCatalogue(t *testing.T) {
	_, err := newSink(pipeline.Settings{}, Config{})
	require.ErrorContains(t, err, "Catalogue")
}
