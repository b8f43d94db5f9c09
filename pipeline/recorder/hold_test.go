package recorder_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/recorder"
)

// A start of a stream whose pipelines are all held is refused, and the stream says so, whether it was recorded before or
// not.
func TestStartIsRefusedWhileAllPipelinesOfTheStreamAreHeld(t *testing.T) {
	b := newRig(t, pipeline.ModeManual, pipeline.ModeAlways)
	b.dir.setLive("live/x", true)
	hold := func(name string) {
		_, err := b.Hold(t.Context(), name, recorder.HoldOptions{})
		require.NoError(t, err)
	}
	_, err := b.Start("live/x", recorder.StartOptions{})
	require.NoError(t, err)
	b.awaitRun(t, "live/x")
	b.awaitRun(t, "live/x")
	hold("manual")
	s, _ := b.Stream("live/x")
	require.NotEqual(t, "held", s.State, "pipeline always records it")
	already, err := b.Start("live/x", recorder.StartOptions{})
	require.NoError(t, err)
	require.True(t, already)
	hold("always")

	for _, stream := range []string{"live/x", "conf/a"} {
		for _, o := range []recorder.StartOptions{{}, {Wait: true}, {Duration: time.Minute}} {
			_, err = b.Start(stream, o)
			var held *recorder.HeldError
			require.ErrorAs(t, err, &held)
			require.Equal(t, []string{"manual", "always"}, held.Pipelines)
		}
		s, known := b.Stream(stream)
		require.True(t, known)
		require.Equal(t, "held", s.State)
		require.False(t, s.Recording)
	}
	require.Empty(t, b.Recording())

	require.Zero(t, b.Resume("manual", nil))
	s, _ = b.Stream("conf/a")
	require.Equal(t, "idle", s.State)
	already, err = b.Start("conf/a", recorder.StartOptions{})
	require.NoError(t, err)
	require.False(t, already)
	b.awaitRun(t, "conf/a")
}

// An event of a stream whose pipelines are all held names them.
func TestEventOfAHeldStreamNamesItsPipelines(t *testing.T) {
	b := newRig(t, pipeline.ModeEvent)
	_, err := b.Hold(t.Context(), "event", recorder.HoldOptions{})
	require.NoError(t, err)
	_, err = b.Trigger("conf/a", pipeline.Trigger{At: b.clock.Now()})
	var held *recorder.HeldError
	require.ErrorAs(t, err, &held)
	require.EqualError(t, held, "pipeline event is held")
}
