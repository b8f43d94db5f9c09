package recorder_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/recorder"
	"github.com/gospool/spool/pipeline/streampath"
)

func watchedBy(t *testing.T, name string, patterns ...string) recorder.Declared {
	t.Helper()
	globs, err := streampath.ParseGlobs(patterns)
	require.NoError(t, err)
	return recorder.Declared{Plan: &pipeline.Plan{Name: name}, Streams: globs, Mode: pipeline.ModeWatched}
}

func TestThePipelineOfAWatchedStream(t *testing.T) {
	b := newRig(t)
	all, doors, halls := watchedBy(t, "all", "**"), watchedBy(t, "doors", "live/door*"), watchedBy(t, "halls", "live/*")
	_, _, err := b.Update(t.Context(), []recorder.Declared{all, doors, halls}, nil)
	require.NoError(t, err)
	for stream, want := range map[string]string{"live/door1": "doors", "live/hall": "halls", "other": "all"} {
		got, err := b.Watched(stream)
		require.NoError(t, err)
		require.Equal(t, want, got.Plan.Name, stream)
	}
	_, err = b.Hold(t.Context(), "all", recorder.HoldOptions{})
	require.NoError(t, err)
	var held *recorder.HeldError
	_, err = b.Watched("other")
	require.ErrorAs(t, err, &held)
	require.Zero(t, b.Resume("all", []string{"conf/a"}), "it records nothing")
	_, err = b.Watched("other")
	require.NoError(t, err)

	_, _, err = b.Update(t.Context(), []recorder.Declared{doors}, nil)
	require.NoError(t, err)
	_, err = b.Watched("other")
	require.ErrorIs(t, err, recorder.ErrNotWatched)
}

func TestAWatchedPipelineRecordsNothing(t *testing.T) {
	b := newRig(t, pipeline.ModeWatched)
	_, err := b.Start("conf/a", recorder.StartOptions{})
	require.ErrorIs(t, err, recorder.ErrNoPipeline)
	b.StartAlways("conf/a")
	b.PublisherCame("conf/a")
	_, err = b.Trigger("conf/a", pipeline.Trigger{})
	require.Error(t, err)
	require.False(t, b.Wants("conf/a"))
	require.Empty(t, b.script.runs)
}
