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
	require.Len(t, all(t, c, Query{}), 1)
}

func TestTheSinkNeedsTheCatalogue(t *testing.T) {
	_, err := newSink(pipeline.Settings{}, Config{})
	require.ErrorContains(t, err, "Catalogue")
}
