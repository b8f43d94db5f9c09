package recorder

import (
	"bytes"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
)

// A source and a sink that make files; no run of them begins here.
func init() {
	pipeline.RegisterSource("never", struct{}{}, "", func(pipeline.Settings, struct{}) (pipeline.Source[int], error) { return nil, nil })
	pipeline.RegisterSink("files", struct{}{}, "", func(pipeline.Settings, struct{}) (pipeline.Sink[int], error) { return nil, nil }, pipeline.MakesFiles)
}

// A trigger waits for a run. If no run comes the log names the trigger, and an ended job refuses triggers.
func TestTriggerThatWaitsForARun(t *testing.T) {
	var log bytes.Buffer
	stages, err := config.Parse("test.yaml", []byte("[never, files]"))
	require.NoError(t, err)
	plan, problems := pipeline.Compile("clips", stages)
	require.NoError(t, problems.Err())
	env := pipeline.Env{Log: slog.New(slog.NewTextHandler(&log, nil)), Clock: pipeline.SystemClock, Mode: pipeline.ModeEvent}
	j := newJob(plan, env, "cam/a", time.Minute)
	trigger := pipeline.Trigger{At: time.Now(), Before: -1, After: -1, Key: "bell", WaitUntil: time.Now().Add(time.Hour)}
	got, err := j.trigger(trigger)
	require.NoError(t, err)
	require.Equal(t, pipeline.EventWaiting, got.Status)
	for range maxWaiting - 1 {
		_, err = j.trigger(trigger)
		require.NoError(t, err)
	}
	_, err = j.trigger(trigger)
	require.ErrorIs(t, err, pipeline.ErrWaiting)
	j.finish(nil)
	require.Contains(t, log.String(), "key=bell")
	_, err = j.trigger(trigger)
	require.ErrorIs(t, err, pipeline.ErrNothing)
}
