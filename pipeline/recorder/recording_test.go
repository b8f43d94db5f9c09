package recorder

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
)

func newIdle() *Recorder {
	return New(pipeline.Env{Log: slog.New(slog.DiscardHandler), Clock: pipeline.SystemClock}, nil, nil, nil, time.Minute)
}

// Publishers choose paths, so the number of ended streams whose jobs are remembered is bounded.
func TestTheLastJobsOfSomeStreamsAreRemembered(t *testing.T) {
	r := newIdle()
	name := func(n int) string { return fmt.Sprint("live/", n) }
	for n := range maxLast + 100 {
		r.remember(JobStatus{Stream: name(n), Runs: 1})
		r.remember(JobStatus{Stream: name(n), Runs: 2})
	}
	require.Len(t, r.streams, maxLast)
	known := 0
	for n := range maxLast + 100 {
		if s, ok := r.Last(name(n)); ok {
			require.Equal(t, 2, s.Runs)
			known++
		}
	}
	require.Equal(t, maxLast, known)
	require.Equal(t, known, r.ended)
}

// A stream with a stop by hand or a spent window keeps its state; a stream without either is forgotten.
func TestAStreamWithoutStateIsForgotten(t *testing.T) {
	r := newIdle()
	at := time.Unix(1000, 0)
	r.RestoreStops(map[string]time.Time{"a": at, "b": {}})
	require.Len(t, r.streams, 1)
	require.Equal(t, map[string]time.Time{"a": at}, r.Stops([]string{"a", "b"}))

	rec := r.recording("p", "a")
	rec.spent = &at
	r.startedByHand("a")
	require.Zero(t, r.StoppedAt("a"))
	require.Same(t, rec, r.recording("p", "a"), "its window is spent")
	rec.spent = nil
	r.startedByHand("a")
	require.Empty(t, r.streams)
	r.startedByHand("nobody")
	require.False(t, r.isHalted("nobody"))
	require.Nil(t, r.job("p", "nobody"))
	require.Empty(t, r.streams, "asking makes nothing known")
}
