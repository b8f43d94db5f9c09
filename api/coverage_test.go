package api

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

func TestCoverageJoinsRecordingsByStream(t *testing.T) {
	w := newFixture(t)
	first := w.add(1, "a")
	w.add(2, "a", func(r *media.Record) { r.StartUTC = first.EndUTC })
	w.add(3, "a", func(r *media.Record) { r.Gap = media.Gap{Cause: media.GapStall, Duration: 60e9} })
	w.add(4, "b")
	s := w.server()
	m := do(s, "GET", "/mp4/coverage?start=2026-03-01T00:00:00Z&end=2026-03-02T00:00:00Z", "").json(t)
	streams := m["streams"].([]any)
	require.Len(t, streams, 2)
	spans := streams[0].(map[string]any)["spans"].([]any)
	require.Len(t, spans, 2)
	require.EqualValues(t, 2, spans[0].(map[string]any)["recordings"])
	require.Equal(t, first.ID.String(), spans[0].(map[string]any)["first"])
	require.Equal(t, map[string]any{"cause": "stall", "seconds": 60.}, spans[1].(map[string]any)["gap"])
	require.Len(t, do(s, "GET", "/mp4/coverage?stream=b&start=2026-03-01T00:00:00Z&end=2026-03-02T00:00:00Z", "").json(t)["streams"], 1)
	require.Contains(t, do(s, "GET", "/mp4/coverage?start=2026-03-01T00:00:00Z", "").refused(t, 400), "start and end are needed")
}
