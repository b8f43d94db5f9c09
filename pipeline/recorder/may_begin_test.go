package recorder_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/recorder"
)

func TestMayBeginByMode(t *testing.T) {
	for name, c := range map[string]struct {
		modes []pipeline.Mode
		plan  string
		want  bool // while all that is always recorded runs
	}{
		"always":             {[]pipeline.Mode{pipeline.ModeAlways}, "[scripted, collect]", false},
		"always with ring":   {[]pipeline.Mode{pipeline.ModeAlways}, "[scripted, queue, collect]", true},
		"by hand":            {[]pipeline.Mode{pipeline.ModeManual}, "[scripted, collect]", true},
		"always and by hand": {[]pipeline.Mode{pipeline.ModeAlways, pipeline.ModeManual}, "[scripted, collect]", true},
	} {
		t.Run(name, func(t *testing.T) {
			b := newRigOf(t, c.plan, c.modes...)
			require.True(t, may(b, "conf/a"), "nothing runs yet")
			b.StartAlways("conf/a")
			if c.modes[0] == pipeline.ModeAlways {
				b.awaitRun(t, "conf/a")
			}
			require.Equal(t, c.want, may(b, "conf/a"))
			require.True(t, may(b, "conf/b"), "another stream")
			_, err := b.Stop(t.Context(), "conf/a")
			require.NoError(t, err)
			require.True(t, may(b, "conf/a"), "a start by hand may follow")
		})
	}
}

func TestAStreamOfNoPipelineMayNotBegin(t *testing.T) {
	require.False(t, may(newRig(t), "conf/a"))
}

// Every event that changes an answer changes the generation, and a query does not.
func TestAnAnswerHoldsForAGeneration(t *testing.T) {
	b := newRig(t, pipeline.ModeAlways)
	seen := b.Generation()
	changed := func(why string) {
		t.Helper()
		now := b.Generation()
		require.NotEqual(t, seen, now, why)
		seen = now
	}
	require.True(t, may(b, "conf/a"))
	require.Equal(t, seen, b.Generation())
	b.StartAlways("conf/a")
	changed("a job began")
	b.awaitRun(t, "conf/a")
	is, jobs := b.MayBegin("conf/a")
	require.False(t, is)
	require.Equal(t, 1, jobs)
	require.Equal(t, seen, b.Generation())
	_, err := b.Stop(t.Context(), "conf/a")
	require.NoError(t, err)
	changed("it ended")
	require.True(t, may(b, "conf/a"))
	b.update(t, nil)
	changed("no pipeline any more")
	require.False(t, may(b, "conf/a"))
}

// Wants returns true for a stream that is to be recorded, with or without a publisher, until it is stopped.
func TestWantsFollowsModesAndStops(t *testing.T) {
	always := newRig(t, pipeline.ModeAlways)
	require.True(t, always.Wants("live/x"))
	always.StartAlways("conf/a")
	always.awaitRun(t, "conf/a")
	require.True(t, always.Wants("conf/a"))
	_, err := always.Stop(t.Context(), "conf/a")
	require.NoError(t, err)
	require.False(t, always.Wants("conf/a"), "it was stopped by hand")
	_, err = always.Hold(t.Context(), "always", recorder.HoldOptions{})
	require.NoError(t, err)
	require.False(t, always.Wants("live/x"), "its pipeline is held")

	hand := newRig(t, pipeline.ModeManual)
	require.False(t, hand.Wants("conf/a"))
	_, err = hand.Start("conf/a", recorder.StartOptions{})
	require.NoError(t, err)
	require.True(t, hand.Wants("conf/a"))
	_, err = hand.Stop(t.Context(), "conf/a")
	require.NoError(t, err)
	require.False(t, hand.Wants("conf/a"))

	event := newRig(t, pipeline.ModeEvent)
	event.StartAlways("conf/a")
	event.awaitRun(t, "conf/a")
	require.False(t, event.Wants("conf/a"), "it waits for an event")
}

func may(b *rig, stream string) bool {
	is, _ := b.MayBegin(stream)
	return is
}
