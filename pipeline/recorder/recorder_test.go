package recorder_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/recorder"
)

func TestStartAndStop(t *testing.T) {
	b := newRig(t, pipeline.ModeManual)
	already, err := b.Start("conf/a", recorder.StartOptions{})
	require.NoError(t, err)
	require.False(t, already)
	b.awaitRun(t, "conf/a")
	already, err = b.Start("conf/a", recorder.StartOptions{})
	require.NoError(t, err)
	require.True(t, already)
	require.Equal(t, []string{"conf/a"}, b.Recording())

	was, err := b.Stop(t.Context(), "conf/a")
	require.NoError(t, err)
	require.True(t, was)
	require.Empty(t, b.Recording(), "a stopped recording is gone when Stop returns")
	was, err = b.Stop(t.Context(), "conf/a")
	require.NoError(t, err)
	require.False(t, was)
}

func TestUnknownStreamIsRefusedUnlessItIsWaitedFor(t *testing.T) {
	b := newRig(t, pipeline.ModeManual)
	_, err := b.Start("nobody", recorder.StartOptions{})
	require.ErrorIs(t, err, recorder.ErrUnknownStream)
	_, err = b.Start("../etc", recorder.StartOptions{Wait: true})
	require.Error(t, err)
	_, err = b.Start("nobody", recorder.StartOptions{Wait: true})
	require.NoError(t, err)
	b.awaitRun(t, "nobody")
}

func TestNoPipelineCoversTheStream(t *testing.T) {
	b := newRig(t, pipeline.ModeEvent)
	_, err := b.Start("conf/a", recorder.StartOptions{})
	require.ErrorIs(t, err, recorder.ErrNoPipeline)
}

func TestLostSourceRunsAgainAtOnce(t *testing.T) {
	b := newRig(t, pipeline.ModeManual)
	_, err := b.Start("conf/a", recorder.StartOptions{})
	require.NoError(t, err)
	for range 3 {
		b.awaitRun(t, "conf/a")
		b.script.ends <- pipeline.End(endcause.SourceLost)
	}
	b.awaitRun(t, "conf/a")
	require.Eventually(t, func() bool { return b.Status("conf/a")[0].Runs == 4 }, time.Minute, time.Millisecond)
	require.Zero(t, b.Status("conf/a")[0].Failures)
}

func TestFailureWaitsLongerEachTime(t *testing.T) {
	b := newRig(t, pipeline.ModeManual)
	_, err := b.Start("conf/a", recorder.StartOptions{})
	require.NoError(t, err)
	for want := 500 * time.Millisecond; want < 5*time.Second; want *= 2 {
		b.awaitRun(t, "conf/a")
		b.script.ends <- errors.New("disk on fire")
		var d time.Duration
		require.Eventually(t, func() bool {
			p := b.clock.pending()
			if len(p) != 1 {
				return false
			}
			d = p[0]
			return true
		}, time.Minute, time.Millisecond)
		require.LessOrEqual(t, d, want)
		require.GreaterOrEqual(t, d, want/2)
		require.Equal(t, recorder.JobBackoff, b.Status("conf/a")[0].State)
		require.Contains(t, b.Status("conf/a")[0].LastError, "disk on fire")
		require.Equal(t, 1, b.clock.fire(d))
	}
	b.awaitRun(t, "conf/a")
}

func TestStopDuringBackoff(t *testing.T) {
	b := newRig(t, pipeline.ModeManual)
	_, err := b.Start("conf/a", recorder.StartOptions{})
	require.NoError(t, err)
	b.awaitRun(t, "conf/a")
	b.script.ends <- errors.New("disk on fire")
	require.Eventually(t, func() bool { return b.Status("conf/a")[0].State == recorder.JobBackoff }, time.Minute, time.Millisecond)
	was, err := b.Stop(t.Context(), "conf/a")
	require.NoError(t, err)
	require.True(t, was)
	last, _ := b.Last("conf/a")
	require.Equal(t, 1, last.Runs, "no run begins after the stop")
}

func TestFiniteSourceEndsTheJob(t *testing.T) {
	b := newRig(t, pipeline.ModeManual)
	_, err := b.Start("conf/a", recorder.StartOptions{})
	require.NoError(t, err)
	b.awaitRun(t, "conf/a")
	b.script.ends <- pipeline.End("end_of_file")
	b.awaitGone(t, "conf/a")
}

func TestDurationCountsFromThePublisher(t *testing.T) {
	b := newRig(t, pipeline.ModeManual)
	_, err := b.Start("conf/a", recorder.StartOptions{Duration: 7 * time.Second})
	require.NoError(t, err)
	b.awaitRun(t, "conf/a")
	require.Zero(t, b.clock.fire(7*time.Second), "the stream has no publisher yet")
	b.dir.setLive("conf/a", true)
	b.PublisherCame("conf/a")
	require.Eventually(t, func() bool { return b.clock.fire(7*time.Second) == 1 }, time.Minute, time.Millisecond)
	b.awaitGone(t, "conf/a")
}

func TestAlwaysBeginsWithThePublisher(t *testing.T) {
	b := newRig(t, pipeline.ModeAlways, pipeline.ModeManual)
	b.dir.setLive("live/x", true)
	b.PublisherCame("live/x")
	b.awaitRun(t, "live/x")
	require.Len(t, b.Status("live/x"), 1, "manual waits for a start")

	b.script.ends <- pipeline.End(endcause.SourceLost)
	b.awaitRun(t, "live/x") // the directory lists it as live again
	b.dir.setLive("live/x", false)
	b.script.ends <- pipeline.End(endcause.SourceLost)
	b.awaitGone(t, "live/x")
}

func TestStopByHandHoldsAgainstAlways(t *testing.T) {
	b := newRig(t, pipeline.ModeAlways)
	b.dir.setLive("live/x", true)
	b.PublisherCame("live/x")
	b.awaitRun(t, "live/x")
	_, err := b.Stop(t.Context(), "live/x")
	require.NoError(t, err)
	b.PublisherCame("live/x")
	require.Empty(t, b.Status("live/x"))
	_, err = b.Start("live/x", recorder.StartOptions{})
	require.NoError(t, err)
	b.awaitRun(t, "live/x")
}

// The state that a run leaves is for the next run of the same job, and is closed with the job.
func TestARunHandsStateToTheNextOne(t *testing.T) {
	b := newRig(t, pipeline.ModeManual)
	_, err := b.Start("conf/a", recorder.StartOptions{})
	require.NoError(t, err)
	b.awaitRun(t, "conf/a")
	first := <-b.script.kept
	thing := make(keepsake)
	first.Leave("scripted", thing)
	b.script.ends <- pipeline.End(endcause.SourceLost)
	b.awaitRun(t, "conf/a")
	second := <-b.script.kept
	require.Equal(t, thing, second.Take("scripted"))
	second.Leave("scripted", thing)
	_, err = b.Stop(t.Context(), "conf/a")
	require.NoError(t, err)
	<-thing // closed
}

// The stages of a job prepare when the job begins, not with its runs.
func TestAJobIsPreparedOnce(t *testing.T) {
	b := newRig(t, pipeline.ModeManual)
	thing := make(keepsake)
	b.script.prepared = thing
	_, err := b.Start("conf/a", recorder.StartOptions{})
	require.NoError(t, err)
	b.awaitRun(t, "conf/a")
	require.Equal(t, thing, (<-b.script.kept).Take("scripted"))
	b.script.ends <- pipeline.End(endcause.SourceLost)
	b.awaitRun(t, "conf/a")
	require.Nil(t, (<-b.script.kept).Take("scripted"))
}

type keepsake chan struct{}

func (k keepsake) Close() { close(k) }

func TestLastJobIsRemembered(t *testing.T) {
	b := newRig(t, pipeline.ModeManual)
	_, ok := b.Last("conf/a")
	require.False(t, ok)
	_, err := b.Start("conf/a", recorder.StartOptions{})
	require.NoError(t, err)
	b.awaitRun(t, "conf/a")
	_, err = b.Stop(t.Context(), "conf/a")
	require.NoError(t, err)
	last, ok := b.Last("conf/a")
	require.True(t, ok)
	require.Equal(t, 1, last.Runs)
	require.Equal(t, recorder.JobEnded, last.State)
}
