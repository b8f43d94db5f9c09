package recorder_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/recorder"
)

func TestAStreamReportsWhenItsRecordingStops(t *testing.T) {
	b := newRig(t, pipeline.ModeManual)
	_, err := b.Start("conf/a", recorder.StartOptions{Duration: time.Minute})
	require.NoError(t, err)
	b.awaitRun(t, "conf/a")
	s, known := b.Stream("conf/a")
	require.True(t, known)
	require.Zero(t, s.Until, "the stream has no publisher yet")
	b.dir.setLive("conf/a", true)
	b.PublisherCame("conf/a")
	s, _ = b.Stream("conf/a")
	require.Equal(t, b.clock.Now().Add(time.Minute), s.Until)
	require.Equal(t, "manual", s.Pipeline)
	require.True(t, s.Recording)
}

func TestAStreamWithoutAJobIsIdle(t *testing.T) {
	b := newRig(t, pipeline.ModeManual)
	_, known := b.Stream("nobody")
	require.False(t, known)
	s, known := b.Stream("conf/a")
	require.True(t, known)
	require.Equal(t, recorder.StreamStatus{Stream: "conf/a", State: "idle"}, s)
	b.dir.setLive("live/x", true)
	_, known = b.Stream("live/x")
	require.True(t, known)

	_, err := b.Start("live/x", recorder.StartOptions{})
	require.NoError(t, err)
	b.awaitRun(t, "live/x")
	_, err = b.Stop(t.Context(), "live/x")
	require.NoError(t, err)
	b.dir.setLive("live/x", false)
	s, known = b.Stream("live/x")
	require.True(t, known, "it was recorded")
	require.Equal(t, "idle", s.State)
	require.Equal(t, "manual", s.Pipeline)
}

func TestAJobThatFailsIsInBackoff(t *testing.T) {
	b := newRig(t, pipeline.ModeManual)
	b.dir.setLive("live/x", true)
	_, err := b.Start("live/x", recorder.StartOptions{})
	require.NoError(t, err)
	b.awaitRun(t, "live/x")
	b.script.ends <- errors.New("broken")
	require.Eventually(t, func() bool { s, _ := b.Stream("live/x"); return s.State == "backoff" }, time.Minute, time.Millisecond)
	s, _ := b.Stream("live/x")
	require.False(t, s.Recording)
	require.Contains(t, s.Report.LastError, "broken")
}

// The status of a stream is that of a started job rather than of an armed one, whichever pipeline comes first.
func TestAStartedJobDeterminesTheStatusOfItsStream(t *testing.T) {
	b := newRig(t, pipeline.ModeEvent, pipeline.ModeManual)
	b.dir.setLive("live/x", true)
	b.PublisherCame("live/x")
	b.awaitRun(t, "live/x")
	s, _ := b.Stream("live/x")
	require.Equal(t, "event", s.Pipeline)
	require.False(t, s.Recording, "it waits for an event")
	_, err := b.Start("live/x", recorder.StartOptions{})
	require.NoError(t, err)
	b.awaitRun(t, "live/x")
	s, _ = b.Stream("live/x")
	require.Equal(t, "manual", s.Pipeline)
	require.True(t, s.Recording)
}

// The streams of each pipeline are found in one walk over the jobs, which holds the recorder's lock only for a copy.
func TestStreamsByPipeline(t *testing.T) {
	b := newRig(t, pipeline.ModeManual, pipeline.ModeAlways)
	for _, stream := range []string{"b", "a", "c"} {
		b.dir.setLive(stream, true)
		_, err := b.Start(stream, recorder.StartOptions{})
		require.NoError(t, err)
	}
	require.Equal(t, map[string][]string{"manual": {"a", "b", "c"}, "always": {"a", "b", "c"}}, b.ByPipeline())
	for range 6 {
		<-b.script.runs
	}
}
