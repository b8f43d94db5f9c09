package stages

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
)

const fiftyYears = 50 * 365 * 24 * time.Hour

// A step of the clock begins a file with the new time and without a gap: the difference of the two files' times is the
// step.
func TestASetClockBeginsAFile(t *testing.T) {
	for _, step := range []time.Duration{
		time.Second, -time.Second, 1500 * time.Millisecond, -1500 * time.Millisecond, time.Hour, -time.Hour, fiftyYears, -fiftyYears,
	} {
		pool := pipelinetest.Pool(t)
		r := newReel(t, SegmenterConfig{}, nil)
		cam := pipelinetest.NewCamera(t, pool)
		r.feed(cam.Shoot(t, 60)...)
		r.set(cam, step) // in the middle of a GOP
		r.feed(cam.Shoot(t, 60)...)
		r.feed(cam.Cut()...)
		r.flush()
		require.Equal(t, []media.Cause{endcause.Gap, endcause.Stop}, r.ends(), step)
		first, second := r.segments[0], r.segments[1]
		require.Equal(t, media.Gap{Cause: media.GapClockStep, StepNS: int64(step)}, second.Gap)
		require.Equal(t, 3*time.Second+step, time.Duration(second.StartUTC-first.StartUTC), "it begins where the other ends")
		require.True(t, second.starts)
	}
}

// Small changes of the clock cut a file only when their sum reaches the bound.
func TestALittleClockChangeCutsNoFile(t *testing.T) {
	for _, sign := range []time.Duration{1, -1} {
		pool := pipelinetest.Pool(t)
		r := newReel(t, SegmenterConfig{MaxDuration: config.Duration(10 * time.Second)}, nil)
		cam := pipelinetest.NewCamera(t, pool)
		for range 4 {
			r.feed(cam.Shoot(t, 50)...)
			r.set(cam, sign*400*time.Millisecond)
		}
		r.feed(cam.Shoot(t, 50)...)
		r.flush()
		require.Len(t, r.segments, 2)
		require.EqualValues(t, sign*1200*time.Millisecond, r.last().Gap.StepNS)
		require.Equal(t, 6*time.Second+sign*1200*time.Millisecond, time.Duration(r.last().StartUTC-pipelinetest.StartUTC))
	}
}

// A gap across a step keeps its duration, and the step is reported beside it: whatever causes the gap, the next file
// begins later by both.
func TestAGapAcrossAStepIsAsLongAsItWas(t *testing.T) {
	for name, gap := range map[string]func(*pipelinetest.Camera, []*media.Chunk) (rest []*media.Chunk){
		"a hole in the sequence": func(_ *pipelinetest.Camera, c []*media.Chunk) []*media.Chunk {
			c[0].Release()
			c[1].Release()
			return c[2:]
		},
		"dropped before": func(_ *pipelinetest.Camera, c []*media.Chunk) []*media.Chunk {
			lost := c[0].Dropped(0).Plus(c[1].Dropped(c[0].EndSteadyUTC()))
			c[1].Release()
			defer c[0].Release()
			mark := pipelinetest.Pool(t).NewMark(nil, 0, media.Mark{Kind: media.MarkGap, Gap: lost})
			return append([]*media.Chunk{mark}, c[2:]...)
		},
	} {
		for _, step := range []time.Duration{time.Hour, -time.Hour, fiftyYears, -fiftyYears} {
			pool := pipelinetest.Pool(t)
			r := newReel(t, SegmenterConfig{}, nil)
			cam := pipelinetest.NewCamera(t, pool)
			r.feed(cam.Shoot(t, 51)...)
			r.set(cam, step)
			r.feed(gap(cam, cam.Shoot(t, 100))...)
			r.flush()
			require.Len(t, r.segments, 2, name)
			got := r.last().Gap
			require.Equal(t, media.GapOverload, got.Cause, name)
			require.Equal(t, 2*time.Second, time.Duration(got.DurationNS), "%s, step of %s", name, step)
			require.Equal(t, step, time.Duration(got.StepNS))
			require.EqualValues(t, r.segments[0].StartUTC+2e9+got.DurationNS+got.StepNS, r.last().StartUTC)
		}
	}
}

// The clock was set while a publisher was away, or while the pipeline waited for its next run.
func TestTheNextRunKnowsTheStep(t *testing.T) {
	for _, step := range []time.Duration{time.Hour, -time.Hour} {
		for _, failed := range []error{nil, errors.New("a stage failed")} {
			pool := pipelinetest.Pool(t)
			r := newReel(t, SegmenterConfig{}, nil)
			cam := pipelinetest.NewCamera(t, pool)
			r.feed(cam.Shoot(t, 51)...)
			r.flush()
			require.NoError(t, r.seg.(*segmenter).Close())
			set := r.seg.(*segmenter).set
			set.After = &pipeline.Ended{Err: failed, At: set.Clock.Now(), Written: time.Unix(0, pipelinetest.StartUTC+2e9)}
			if failed == nil {
				cam.Gap(media.Gap{Cause: media.GapSourceLost, DurationNS: 1e9})
			}
			r.set(cam, step)
			for _, c := range cam.Shoot(t, 25) {
				c.Release()
			}
			next, err := newSegmenter(set, SegmenterConfig{})
			require.NoError(t, err)
			r.seg = next
			r.feed(cam.Shoot(t, 50)...)
			r.flush()
			got := r.last().Gap
			require.InDelta(t, 1e9, got.DurationNS, 1e8, "%v", failed)
			require.Equal(t, step, time.Duration(got.StepNS))
		}
	}
}
