package pipeline_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
)

func TestBackoffWaitsTwiceAsLongAfterEachFailure(t *testing.T) {
	b := pipeline.Backoff{Min: time.Second, Max: 10 * time.Second}
	for _, most := range []time.Duration{1, 2, 4, 8, 10, 10} {
		d := b.Failed(time.Second)
		require.LessOrEqual(t, d, most*time.Second)
		require.GreaterOrEqual(t, d, most*time.Second/2)
	}
	require.LessOrEqual(t, b.Failed(61*time.Second), time.Second, "an attempt that lasted has worked")
}

func TestSleepEndsEarly(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	early := make(chan struct{}, 1)
	slept := make(chan bool)
	sleep := func() { slept <- pipeline.Sleep(ctx, pipeline.SystemClock, time.Hour, early) }

	go sleep()
	early <- struct{}{}
	require.False(t, <-slept, "something came")

	go sleep()
	cancel()
	require.False(t, <-slept, "the context ended")

	require.True(t, pipeline.Sleep(t.Context(), pipeline.SystemClock, time.Nanosecond, nil))
}

func TestARunThatWroteNothingKeepsThePreviousEnd(t *testing.T) {
	wrote := time.Unix(1_700_000_000, 0)
	first := pipeline.Ended{Written: wrote}.Behind(nil)
	require.Equal(t, wrote, pipeline.Ended{Reason: "x"}.Behind(first).Written)
	later := pipeline.Ended{Written: wrote.Add(time.Second)}
	require.Equal(t, later.Written, later.Behind(first).Written)
	require.Zero(t, pipeline.Ended{}.Behind(nil).Written)
}
