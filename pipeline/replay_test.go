package pipeline_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/gospool/spool/pipeline"
)

func replayed(t *testing.T, p *probe, ctx context.Context, stages string) (bool, error) {
	t.Helper()
	two := []*token{{1, &p.live}, {2, &p.live}}
	p.live.Add(2)
	return pipeline.Replay(ctx, compile(t, stages), env(p), "live/x", two...)
}

// Replayed elements go through the stages behind the one that replays, and never through that stage itself.
func TestReplayGoesThroughTheStagesBehind(t *testing.T) {
	t.Cleanup(func() { goleak.VerifyNone(t) })
	p := &probe{count: 9}
	took, err := replayed(t, p, t.Context(), "[numbers, twice, collect]")
	require.NoError(t, err)
	require.True(t, took)
	require.NotContains(t, p.noted(), "open:numbers")
	require.Contains(t, p.noted(), "flush:twice:replayed")
	require.Equal(t, []int{2, 4}, p.got, "each once")
}

func TestReplayWithoutAReceiver(t *testing.T) {
	took, err := replayed(t, &probe{}, t.Context(), "[numbers, collect]")
	require.NoError(t, err)
	require.True(t, took, "collect takes tokens")
	took, err = pipeline.Replay(t.Context(), compile(t, "[numbers, collect]"), env(&probe{}), "live/x", "a text")
	require.NoError(t, err)
	require.False(t, took)
}

func TestReplayFailsWithItsStage(t *testing.T) {
	t.Cleanup(func() { goleak.VerifyNone(t) })
	_, err := replayed(t, &probe{failAt: 2}, t.Context(), "[numbers, twice, collect]")
	require.ErrorContains(t, err, "stage twice")
}

func TestReplayEndsWithTheContext(t *testing.T) {
	t.Cleanup(func() { goleak.VerifyNone(t) })
	ctx, cancel := context.WithCancelCause(t.Context())
	p := &probe{gate: make(chan struct{})} // the sink waits for ever
	cancel(errors.New("the program ends"))
	_, err := replayed(t, p, ctx, "[numbers, twice, collect]")
	require.ErrorContains(t, err, "the program ends")
}
