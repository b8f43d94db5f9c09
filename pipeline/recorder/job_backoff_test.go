package recorder_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/recorder"
)

// A long run resets the backoff and a short one does not: each wait is twice the previous one, less up to a half.
func TestALongRunForgetsTheFailuresBeforeIt(t *testing.T) {
	b := newRig(t, pipeline.ModeManual)
	_, err := b.Start("conf/a", recorder.StartOptions{})
	require.NoError(t, err)
	for _, run := range []struct{ lasted, most time.Duration }{
		{0, 500 * time.Millisecond}, {time.Second, time.Second}, {time.Minute, 2 * time.Second}, {time.Minute, 4 * time.Second},
		{time.Minute + time.Second, 500 * time.Millisecond}, {0, time.Second},
	} {
		b.awaitRun(t, "conf/a")
		b.clock.pass(run.lasted)
		b.script.ends <- errors.New("it broke")
		var waits []time.Duration
		require.Eventually(t, func() bool { waits = b.clock.pending(); return len(waits) == 1 }, time.Minute, time.Millisecond)
		require.LessOrEqual(t, waits[0], run.most, "after a run of %s", run.lasted)
		require.GreaterOrEqual(t, waits[0], run.most/2, "after a run of %s", run.lasted)
		require.Equal(t, 1, b.clock.fire(waits[0]))
	}
	b.awaitRun(t, "conf/a")
}
