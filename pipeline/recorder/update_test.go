package recorder_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/recorder"
	"github.com/gospool/spool/pipeline/streampath"
)

// declare is a pipeline of the test's stages.
func declare(t *testing.T, name string, m pipeline.Mode, stages string, globs ...string) recorder.Declared {
	t.Helper()
	plan := compile(t, stages)
	plan.Name = name
	d := recorder.Declared{Plan: plan, Mode: m}
	for _, pattern := range globs {
		g, err := streampath.ParseGlob(pattern)
		require.NoError(t, err)
		d.Streams = append(d.Streams, g)
	}
	return d
}

// updated holds the result of an update.
type updated struct {
	recorder.Changes
	drained int
}

func (b *rig) update(t *testing.T, streams []string, declared ...recorder.Declared) updated {
	t.Helper()
	c, drained, err := b.Update(t.Context(), declared, streams)
	require.NoError(t, err)
	return updated{c, drained}
}

func TestUpdateTouchesOnlyWhatChanged(t *testing.T) {
	b := newRig(t)
	one := func(stages string) recorder.Declared { return declare(t, "one", pipeline.ModeManual, stages, "**") }
	two := declare(t, "two", pipeline.ModeManual, "[scripted, collect]", "**")
	require.Equal(t, []string{"one", "two"}, b.update(t, nil, one("[scripted, collect]"), two).Added)
	_, err := b.Start("conf/a", recorder.StartOptions{})
	require.NoError(t, err)
	b.awaitRun(t, "conf/a")
	b.awaitRun(t, "conf/a")

	same := b.update(t, nil, one("[scripted: {}, collect: null]"), two)
	require.Equal(t, updated{}, same)
	require.True(t, same.None())
	require.Empty(t, b.script.runs)

	changed := b.update(t, nil, one("[scripted, twice, collect]"), two)
	require.Equal(t, updated{recorder.Changes{Changed: []string{"one"}}, 1}, changed)
	require.False(t, changed.None())
	b.awaitRun(t, "conf/a")
	require.Empty(t, b.script.runs)
	for _, s := range b.Status("conf/a") {
		require.Equal(t, 1, s.Runs, s.Pipeline)
		require.Len(t, s.Stages, map[string]int{"one": 3, "two": 2}[s.Pipeline])
	}

	require.Equal(t, 1, b.update(t, nil, one("[scripted, queue, collect]"), two).drained)
	b.awaitRun(t, "conf/a") // the start by hand still holds

	gone := b.update(t, nil, two)
	require.Equal(t, updated{recorder.Changes{Removed: []string{"one"}}, 1}, gone)
	require.False(t, gone.None())
	require.Len(t, b.Status("conf/a"), 1)
}

func TestUpdateKeepsTheReasonsOfARecording(t *testing.T) {
	b := newRig(t)
	old, now := "[scripted, collect]", "[scripted, twice, collect]"
	b.update(t, nil, declare(t, "p", pipeline.ModeManual, old, "**"))
	b.dir.setLive("conf/a", true)
	_, err := b.Start("conf/a", recorder.StartOptions{Duration: time.Minute})
	require.NoError(t, err)
	b.awaitRun(t, "conf/a")
	require.Eventually(t, func() bool { return len(b.clock.pending()) == 1 }, time.Minute, time.Millisecond)
	b.clock.set(b.clock.Now().Add(40 * time.Second))
	b.update(t, nil, declare(t, "p", pipeline.ModeManual, now, "**"))
	b.awaitRun(t, "conf/a")
	require.Eventually(t, func() bool { return b.clock.fire(20*time.Second) == 1 }, time.Minute, time.Millisecond, "the rest of its length")
	b.awaitGone(t, "conf/a")
}

func TestUpdateStartsAlwaysPipelines(t *testing.T) {
	b := newRig(t)
	b.dir.setLive("live/x", true)
	b.update(t, []string{"live/x", "conf/a"}, declare(t, "p", pipeline.ModeAlways, "[scripted, collect]", "live/**"))
	b.awaitRun(t, "live/x")
	require.Empty(t, b.Status("conf/a"))

	b.update(t, []string{"live/x", "conf/a"}, declare(t, "p", pipeline.ModeAlways, "[scripted, collect]", "**"))
	b.awaitRun(t, "conf/a")
	require.Empty(t, b.script.runs, "recordings of unchanged pipelines go on")

	b.update(t, []string{"live/x", "conf/a"}, declare(t, "p", pipeline.ModeAlways, "[scripted, collect]", "conf/**"))
	require.Empty(t, b.Status("live/x"))
	b.update(t, []string{"live/x", "conf/a"}, declare(t, "p", pipeline.ModeManual, "[scripted, collect]", "**"))
	require.Empty(t, b.Recording(), "it was not started by hand")
}

func TestHoldAndResume(t *testing.T) {
	b := newRig(t, pipeline.ModeAlways)
	b.dir.setLive("live/x", true)
	b.PublisherCame("live/x")
	b.awaitRun(t, "live/x")
	ended, err := b.Hold(t.Context(), "always", recorder.HoldOptions{Drain: true})
	require.NoError(t, err)
	require.Equal(t, 1, ended)
	require.True(t, b.Held("always"))
	b.PublisherCame("live/x")
	_, err = b.Start("live/x", recorder.StartOptions{})
	require.EqualError(t, err, "live/x: pipeline always is held")
	require.Empty(t, b.Recording())

	require.Equal(t, 1, b.Resume("always", []string{"live/x"}))
	b.awaitRun(t, "live/x")
	require.Zero(t, b.Resume("always", []string{"live/x"}), "it is recorded already")
	require.Zero(t, b.Resume("nobody", []string{"live/x"}))

	_, err = b.Stop(t.Context(), "live/x")
	require.NoError(t, err)
	require.Equal(t, 1, b.Resume("always", []string{"live/x"}))
	b.awaitRun(t, "live/x")
	b.dir.setLive("live/x", false)
	require.NoError(t, stopped(b.Hold(t.Context(), "always", recorder.HoldOptions{})))
	b.dir.setLive("live/x", true)
	b.update(t, nil)
	again := declare(t, "always", pipeline.ModeAlways, "[scripted, collect]", "**")
	b.update(t, []string{"live/x"}, again)
	b.awaitRun(t, "live/x") // neither the removed pipeline's hold applies, nor the stop before Resume
}

func stopped(_ int, err error) error { return err }

func TestAbandonSparesRecordingsStartedByHand(t *testing.T) {
	b := newRig(t, pipeline.ModeAlways, pipeline.ModeManual)
	b.StartAlways("conf/a")
	b.awaitRun(t, "conf/a")
	require.NoError(t, b.Abandon(t.Context(), "conf/b"))
	require.Len(t, b.Recording(), 1)
	require.NoError(t, b.Abandon(t.Context(), "conf/a"))
	require.Empty(t, b.Recording())
	b.StartAlways("conf/a") // it was no stop by hand
	b.awaitRun(t, "conf/a")
	_, err := b.Start("conf/a", recorder.StartOptions{})
	require.NoError(t, err)
	b.awaitRun(t, "conf/a")
	require.NoError(t, b.Abandon(t.Context(), "conf/a"))
	require.Len(t, b.Status("conf/a"), 2)
}
