package stages

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
)

// reel collects the parts that a segmenter emits, as one line a segment.
type reel struct {
	t        *testing.T
	seg      pipeline.Transform[*media.Chunk, media.Part]
	segments []*cutSegment
}

type cutSegment struct {
	*media.Segment
	units  int
	bytes  int64
	starts bool // with a sync sample

	pictures int
	behind   bool          // the next one begins at once, with a gap
	noted    []media.Event // on the way
	end      media.Cause
}

func newReel(t *testing.T, cfg SegmenterConfig, after *pipeline.Ended) *reel {
	t.Helper()
	seg, err := newSegmenter(pipeline.Settings{
		Pipeline: "p", Stream: "live/x", Stage: "segmenter", Log: slog.New(slog.DiscardHandler),
		Clock: &pipelinetest.Clock{}, Handover: &pipeline.Handover{}, After: after,
	}, cfg)
	require.NoError(t, err)
	return &reel{t: t, seg: seg}
}

// set sets the wall clock of the machine, and with it the times of the camera's chunks.
func (r *reel) set(cam *pipelinetest.Camera, by time.Duration) {
	r.seg.(*segmenter).set.Clock.(*pipelinetest.Clock).Set(by)
	cam.SteppedNS += int64(by)
}

func (r *reel) feed(chunks ...*media.Chunk) {
	r.t.Helper()
	for _, c := range chunks {
		require.NoError(r.t, r.seg.Process(r.t.Context(), c, r.take))
	}
}

func (r *reel) flush() {
	r.t.Helper()
	require.NoError(r.t, r.seg.Flush(r.t.Context(), r.take))
}

func (r *reel) take(p media.Part) error {
	defer p.Release()
	if p.First {
		require.True(r.t, len(r.segments) == 0 || r.last().end != "", "a segment began inside another")
		r.segments = append(r.segments, &cutSegment{Segment: p.Segment, starts: p.Chunk.StartsGOP})
	}
	s := r.last()
	require.Same(r.t, s.Segment, p.Segment)
	require.Empty(r.t, s.end, "a part after the end")
	if p.Chunk != nil {
		require.True(r.t, s.Set.Same(p.Chunk.Set))
		s.units += p.Chunk.AccessUnits()
		s.pictures += p.Chunk.Lead().Len()
		s.bytes += int64(p.Chunk.Bytes())
	}
	if p.Event != nil {
		s.noted = append(s.noted, *p.Event)
	}
	s.end, s.behind = p.End, p.Gap
	return nil
}

func (r *reel) last() *cutSegment { return r.segments[len(r.segments)-1] }

func (r *reel) ends() []media.Cause {
	var out []media.Cause
	for _, s := range r.segments {
		out = append(out, s.end)
	}
	return out
}

func units(chunks []*media.Chunk) int {
	n := 0
	for _, c := range chunks {
		n += c.AccessUnits()
	}
	return n
}

func TestSegmenterWithoutLimitsMakesOneFile(t *testing.T) {
	pool := pipelinetest.Pool(t)
	cam := pipelinetest.NewCamera(t, pool)
	r := newReel(t, SegmenterConfig{}, nil)
	shot := append(cam.Shoot(t, 1000), cam.Cut()...)
	want := units(shot)
	r.feed(shot...)
	r.flush()
	require.Equal(t, []media.Cause{endcause.Stop}, r.ends())
	require.Equal(t, want, r.last().units)
	require.True(t, r.last().starts)
	require.EqualValues(t, pipelinetest.StartUTC, r.last().StartUTC)
	require.True(t, r.last().Gap.None())
}

func TestSegmenterCutsByDurationOnKeyFrames(t *testing.T) {
	pool := pipelinetest.Pool(t)
	cam := pipelinetest.NewCamera(t, pool) // a key frame a second
	r := newReel(t, SegmenterConfig{MaxDuration: config.Duration(2500 * time.Millisecond)}, nil)
	shot := append(cam.Shoot(t, 25*9), cam.Cut()...)
	want := units(shot)
	r.feed(shot...)
	r.flush()
	require.Equal(t, []media.Cause{endcause.MaxDuration, endcause.MaxDuration, endcause.Stop}, r.ends())
	got := 0
	for i, s := range r.segments {
		require.True(t, s.starts)
		require.EqualValues(t, i+1, s.Index)
		require.Equal(t, 2500*time.Millisecond, s.MaxDuration)
		require.EqualValues(t, pipelinetest.StartUTC+int64(i)*3e9, s.StartUTC)
		got += s.units
	}
	require.Equal(t, want, got, "no access unit is lost at a cut")
}

func TestSegmenterKeepsFilesBelowTheSize(t *testing.T) {
	pool := pipelinetest.Pool(t)
	cam := pipelinetest.NewCamera(t, pool)
	r := newReel(t, SegmenterConfig{MaxSize: 100_000}, nil) // some 35 kB a GOP
	r.feed(cam.Shoot(t, 25*20)...)
	r.flush()
	require.Greater(t, len(r.segments), 5)
	for _, s := range r.segments {
		require.LessOrEqual(t, s.bytes, int64(100_000))
	}
	require.EqualValues(t, endcause.MaxSize, r.segments[0].end)
}

func TestSegmenterGoesOnWithEqualTracks(t *testing.T) {
	pool := pipelinetest.Pool(t)
	cam := pipelinetest.NewCamera(t, pool)
	r := newReel(t, SegmenterConfig{}, nil)
	r.feed(cam.Shoot(t, 50)...)
	cam.Tracks(t, pipelinetest.AVC(640, 360), pipelinetest.AAC())
	r.feed(append(cam.Shoot(t, 50), cam.Cut()...)...)
	r.flush()
	require.Equal(t, []media.Cause{endcause.Stop}, r.ends())
}

func TestSegmenterCutsAtAnotherResolution(t *testing.T) {
	pool := pipelinetest.Pool(t)
	cam := pipelinetest.NewCamera(t, pool)
	r := newReel(t, SegmenterConfig{}, nil)
	r.feed(cam.Shoot(t, 50)...)
	cam.Tracks(t, pipelinetest.AVC(1920, 1080), pipelinetest.AAC())
	r.feed(cam.Shoot(t, 50)...)
	r.feed(cam.Cut()...)
	r.flush()
	require.Equal(t, []media.Cause{endcause.TracksChanged, endcause.Stop}, r.ends())
	require.Equal(t, 1920, r.last().Set.Tracks[0].Width)
}

// A mark of the hub may follow a mark of the ring at once.
func TestSegmenterAddsUpGaps(t *testing.T) {
	pool := pipelinetest.Pool(t)
	r := newReel(t, SegmenterConfig{}, nil)
	cam := pipelinetest.NewCamera(t, pool)
	shot := cam.Shoot(t, 51)
	r.feed(shot[0])
	for _, gap := range []media.Gap{{Cause: media.GapOverload, DurationNS: 1e9, Chunks: 1}, {Cause: media.GapOverload, DurationNS: 2e9, Chunks: 3}} {
		r.feed(pool.NewMark(shot[1].Set, shot[1].Seq, media.Mark{Kind: media.MarkGap, Gap: gap}))
	}
	r.feed(shot[1])
	r.feed(cam.Cut()...)
	r.flush()
	require.Equal(t, media.Gap{Cause: media.GapOverload, DurationNS: 3e9, Chunks: 4}, r.last().Gap)
}

func TestSegmenterCutsAtAGapAndNamesItsCause(t *testing.T) {
	pool := pipelinetest.Pool(t)
	cam := pipelinetest.NewCamera(t, pool)
	r := newReel(t, SegmenterConfig{}, nil)
	r.feed(cam.Shoot(t, 50)...)
	cam.Gap(media.Gap{Cause: media.GapStall, DurationNS: 12e9})
	r.feed(cam.Shoot(t, 50)...)
	r.feed(cam.Cut()...)
	r.flush()
	require.Equal(t, []media.Cause{endcause.Gap, endcause.Stop}, r.ends())
	require.Equal(t, media.Gap{Cause: media.GapStall, DurationNS: 12e9}, r.last().Gap)
	var rep pipeline.Report
	r.seg.(pipeline.Reporter).Report(&rep)
	require.EqualValues(t, 1, rep.Gaps)
}

func TestSegmenterSeesAHoleInTheSequence(t *testing.T) {
	pool := pipelinetest.Pool(t)
	cam := pipelinetest.NewCamera(t, pool)
	r := newReel(t, SegmenterConfig{}, nil)
	shot := cam.Shoot(t, 126)
	require.Len(t, shot, 5)
	r.feed(shot[0], shot[3], shot[4])
	shot[1].Release()
	shot[2].Release()
	r.feed(cam.Cut()...)
	r.flush()
	require.Equal(t, []media.Cause{endcause.Gap, endcause.Stop}, r.ends())
	require.Equal(t, 2, r.last().Gap.Chunks)
}

func TestSegmenterObeysMarks(t *testing.T) {
	pool := pipelinetest.Pool(t)
	cam := pipelinetest.NewCamera(t, pool)
	r := newReel(t, SegmenterConfig{}, nil)
	shot := cam.Shoot(t, 76)
	r.feed(shot[0])
	r.feed(pool.NewMark(shot[1].Set, shot[1].Seq, media.Mark{Kind: media.MarkEnd, End: endcause.Event}))
	r.feed(shot[1])
	r.feed(pool.NewMark(shot[2].Set, shot[2].Seq, media.Mark{Kind: media.MarkGap, Gap: media.Gap{Cause: media.GapOverload, Chunks: 3}}))
	r.feed(shot[2])
	r.feed(cam.Cut()...)
	r.flush()
	require.Equal(t, []media.Cause{endcause.Event, endcause.Gap, endcause.Stop}, r.ends())
	require.Equal(t, 3, r.last().Gap.Chunks)
}

func TestSegmenterWaitsForAKeyFrameAndCountsDroppedUnits(t *testing.T) {
	pool := pipelinetest.Pool(t)
	cam := pipelinetest.NewCamera(t, pool)
	cam.GOP = 60
	r := newReel(t, SegmenterConfig{}, nil)
	shot := append(cam.Shoot(t, 120), cam.Cut()...)
	shot[0].Release()
	left := 0
	for _, c := range shot[1:] {
		if c.StartsGOP {
			break
		}
		left += c.AccessUnits()
	}
	require.Positive(t, left)
	r.feed(shot[1:]...)
	r.flush()
	require.Len(t, r.segments, 1)
	require.True(t, r.last().starts)
	var rep pipeline.Report
	r.seg.(pipeline.Reporter).Report(&rep)
	require.Len(t, rep.Drops, 1)
	require.EqualValues(t, left, rep.Drops[0].AccessUnits)
	require.Equal(t, "before_key_frame", rep.Drops[0].Cause)
}

func TestSegmenterReportsTheGapOfARestart(t *testing.T) {
	pool := pipelinetest.Pool(t)
	cam := pipelinetest.NewCamera(t, pool)
	r := newReel(t, SegmenterConfig{}, &pipeline.Ended{Err: errors.New("disk"), At: time.Unix(0, pipelinetest.StartUTC-3e9)})
	r.feed(append(cam.Shoot(t, 30), cam.Cut()...)...)
	r.flush()
	require.Equal(t, media.Gap{Cause: media.GapRestart, DurationNS: 3e9}, r.last().Gap)
}

// A run that failed without having written anything does not shorten the gap.
func TestTheGapOfARestartCountsFromTheLastWrittenUnit(t *testing.T) {
	r := newReel(t, SegmenterConfig{}, &pipeline.Ended{
		Err: errors.New("disk"), At: time.Unix(0, pipelinetest.StartUTC-3e9), Written: time.Unix(0, pipelinetest.StartUTC-40e9),
	})
	cam := pipelinetest.NewCamera(t, pipelinetest.Pool(t))
	r.feed(append(cam.Shoot(t, 30), cam.Cut()...)...)
	r.flush()
	require.Equal(t, media.Gap{Cause: media.GapRestart, DurationNS: 40e9}, r.last().Gap)
}

func TestSegmenterReleasesWhenTheNextStageFails(t *testing.T) {
	pool := pipelinetest.Pool(t)
	cam := pipelinetest.NewCamera(t, pool)
	r := newReel(t, SegmenterConfig{}, nil)
	r.feed(cam.Shoot(t, 30)...)
	boom := errors.New("boom")
	fail := func(p media.Part) error { p.Release(); return boom }
	cam.Gap(media.Gap{Cause: media.GapStall})
	for _, c := range append(cam.Shoot(t, 30), cam.Cut()...) {
		require.ErrorIs(t, r.seg.Process(context.Background(), c, fail), boom)
	}
}
