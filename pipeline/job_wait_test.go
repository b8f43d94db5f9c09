package pipeline

import (
	"bytes"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestTriggerThatWaitsForARun is told of in the log if none comes any more, and a job
// that has ended takes none.
func TestTriggerThatWaitsForARun(t *testing.T) {
	var log bytes.Buffer
	plan := &Plan{Name: "clips", stages: []declared{{stage: &stage{StageInfo: StageInfo{traits: []Trait{MakesFiles}}}}}}
	j := newJob(plan, Env{Log: slog.New(slog.NewTextHandler(&log, nil)), Clock: SystemClock, Mode: Event}, "cam/a", time.Minute)
	trigger := Trigger{At: time.Now(), Before: -1, After: -1, Key: "bell", WaitUntil: time.Now().Add(time.Hour)}
	got, err := j.trigger(trigger)
	require.NoError(t, err)
	require.Equal(t, EventWaiting, got.Status)
	for range maxWaiting - 1 {
		_, err = j.trigger(trigger)
		require.NoError(t, err)
	}
	_, err = j.trigger(trigger)
	require.ErrorIs(t, err, ErrWaiting)
	j.finish(Ended{})
	require.Contains(t, log.String(), "key=bell")
	_, err = j.trigger(trigger)
	require.ErrorIs(t, err, ErrNothing)
}
