package pipelinetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
)

// Set moves the wall clock and not the monotonic one.
func TestClockIsSetAsAMachinesIs(t *testing.T) {
	const years = 50 * 365 * 24 * time.Hour
	for _, by := range []time.Duration{time.Millisecond, -1500 * time.Millisecond, time.Hour, -time.Hour, years, -years} {
		now := time.Now()
		then := Step(now, by)
		require.Zero(t, then.Sub(now), by)
		require.Equal(t, by, then.Round(0).Sub(now.Round(0)))
		require.InDelta(t, by, pipeline.Stepped(then)-pipeline.Stepped(now), 1e6)
		require.Equal(t, now.Add(by).Format(time.RFC3339Nano), then.Format(time.RFC3339Nano))
	}
}

func TestAMomentWithoutAMonotonicReadingWasNotStepped(t *testing.T) {
	require.Zero(t, pipeline.Stepped(time.Unix(1, 0)))
}
