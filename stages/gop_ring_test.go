package stages

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
)

func newTestRing(t testing.TB, pool *media.Pool, cfg GOPRingConfig) *gopRing {
	t.Helper()
	env := pipelinetest.Env()
	env.Services, env.Clock = &pipeline.Services{}, &pipelinetest.Clock{}
	pipeline.Provide(env.Services, pool)
	r, err := newRing(pipeline.NewSettings(env, "", "", "gop_ring"), cfg)
	require.NoError(t, err)
	return r
}

var roomy = GOPRingConfig{MaxSize: 64 << 20, MaxTime: config.Duration(time.Minute)}

func TestRingReturnsItsChunksAndThenEOF(t *testing.T) {
	pool := pipelinetest.Pool(t)
	r := newTestRing(t, pool, roomy)
	shot := pipelinetest.NewCamera(t, pool).Shoot(t, 200)
	for _, c := range shot {
		r.Put(c)
	}
	r.End("stop")
	for _, want := range shot {
		got, err := r.Take(t.Context())
		require.NoError(t, err)
		require.Same(t, want, got)
		got.Release()
	}
	_, err := r.Take(t.Context())
	require.ErrorIs(t, err, io.EOF)
	require.Zero(t, r.Held())
	require.Zero(t, r.queue.Span())
}

func TestRingTakeWaitsForPutAndForTheContext(t *testing.T) {
	pool := pipelinetest.Pool(t)
	r := newTestRing(t, pool, roomy)
	got := make(chan *media.Chunk)
	go func() {
		c, _ := r.Take(context.Background())
		got <- c
	}()
	shot := pipelinetest.NewCamera(t, pool).Shoot(t, 26)
	r.Put(shot[0])
	c := <-got
	require.Same(t, shot[0], c)
	c.Release()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := r.Take(ctx)
	require.ErrorIs(t, err, context.Canceled)
}

func TestRingDropsTheOldestWholeGOP(t *testing.T) {
	pool := pipelinetest.Pool(t)
	cam := pipelinetest.NewCamera(t, pool)
	cam.GOP = 50 // two chunks
	cfg := roomy
	cfg.MaxTime = config.Duration(5 * time.Second)
	r := newTestRing(t, pool, cfg)
	shot := cam.Shoot(t, 50*4+1)
	require.Len(t, shot, 8)
	for _, c := range shot {
		r.Put(c)
	}
	mark, err := r.Take(t.Context())
	require.NoError(t, err)
	require.Equal(t, &media.Mark{Kind: media.MarkGap, Gap: media.Gap{Cause: media.GapOverload, DurationNS: 4e9, Chunks: 4}}, mark.Mark)
	mark.Release()
	c, err := r.Take(t.Context())
	require.NoError(t, err)
	require.Same(t, shot[4], c)
	require.True(t, c.StartsGOP)
	c.Release()
	var rep pipeline.Report
	r.Report(&rep)
	require.Len(t, rep.Drops, 1)
	require.Positive(t, rep.Drops[0].AccessUnits)
	require.NoError(t, r.Close())
}

func TestRingKeepsOneChunkLargerThanItself(t *testing.T) {
	pool := pipelinetest.Pool(t)
	cam := pipelinetest.NewCamera(t, pool)
	cam.Bytes = 100_000
	cfg := roomy
	cfg.MaxSize = 1 << 20
	r := newTestRing(t, pool, cfg)
	shot := cam.Shoot(t, 26)
	r.Put(shot[0])
	c, err := r.Take(t.Context())
	require.NoError(t, err)
	c.Release()
}

// TestRingNeverBreaksAGOP feeds and drains rings of random bounds in random order. The output must be decodable: after
// a gap comes the start of a GOP, without a gap the next chunk in sequence, and every chunk is either returned or
// counted.
func TestRingNeverBreaksAGOP(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		pool := media.NewCheckedPool()
		cam := pipelinetest.NewCamera(t, pool)
		cam.GOP = rapid.SampledFrom([]int{5, 25, 60, 200}).Draw(rt, "gop")
		cfg := GOPRingConfig{
			MaxSize: config.Size(rapid.IntRange(20_000, 400_000).Draw(rt, "bytes")),
			MaxTime: config.Duration(rapid.IntRange(1, 12).Draw(rt, "seconds")) * config.Duration(time.Second),
		}
		r := newTestRing(t, pool, cfg)
		var put, given, gapped int
		var next uint64
		take := func() (left bool) {
			c, err := r.next()
			if c == nil {
				require.True(rt, err == nil || err == io.EOF)
				return err == nil
			}
			defer c.Release()
			if c.Mark != nil {
				require.Equal(rt, media.GapOverload, c.Mark.Gap.Cause)
				gapped += c.Mark.Gap.Chunks
				next = 0
				return true
			}
			given++
			if next == 0 {
				require.True(rt, c.StartsGOP, "the first chunk, and the one after a gap, starts a GOP")
			} else {
				require.Equal(rt, next, c.Seq, "a hole without a gap")
			}
			next = c.Seq + 1
			return true
		}
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			for _, c := range cam.Shoot(t, rapid.IntRange(1, 60).Draw(rt, "frames")) {
				put++
				r.Put(c)
				require.True(rt, r.queue.Len() <= 1 || r.Held() <= int64(cfg.MaxSize) && r.queue.Span() <= time.Duration(cfg.MaxTime), "the bounds hold")
			}
			for range rapid.IntRange(0, 6).Draw(rt, "takes") {
				take()
			}
		}
		r.End("stop")
		for take() {
		}
		require.Equal(rt, put, given+gapped, "every chunk is given or in a gap")
		for _, c := range cam.Cut() {
			c.Release()
		}
		require.Zero(rt, pool.Outstanding())
	})
}

func (r *gopRing) takeAll(t *testing.T) (seqs []uint64, marks []media.Mark) {
	t.Helper()
	for {
		c, err := r.next()
		if c == nil {
			require.True(t, err == nil || err == io.EOF)
			return seqs, marks
		}
		if c.Mark != nil {
			marks = append(marks, *c.Mark)
		} else {
			seqs = append(seqs, c.Seq)
		}
		c.Release()
	}
}

// An event is marked in the recording that holds the footage before it.
func TestRingMarksEventsOnARecording(t *testing.T) {
	pool := pipelinetest.Pool(t)
	cfg := roomy
	cfg.Before, cfg.After = seconds(3), seconds(2)
	r := newTestRing(t, pool, cfg)
	at := func(s float64) time.Time { return time.Unix(0, pipelinetest.StartUTC+int64(s*1e9)) }
	_, err := r.Trigger(pipeline.Trigger{At: at(0), Before: -1, After: -1})
	require.ErrorIs(t, err, pipeline.ErrNothing)
	for _, c := range pipelinetest.NewCamera(t, pool).Shoot(t, 251) {
		r.Put(c)
	}
	r.takeAll(t)

	_, err = r.Trigger(pipeline.Trigger{At: at(-9), Before: -1, After: -1, Partial: true})
	require.ErrorIs(t, err, pipeline.ErrPast)
	_, err = r.Trigger(pipeline.Trigger{At: at(2), Before: -1, After: -1})
	require.ErrorIs(t, err, pipeline.ErrNotCovered)
	got, err := r.Trigger(pipeline.Trigger{At: at(2), Before: -1, After: -1, Partial: true})
	require.NoError(t, err)
	require.Equal(t, at(-1), got.Requested)
	require.Equal(t, at(0), got.Actual)
	got, err = r.Trigger(pipeline.Trigger{ID: [16]byte{4}, At: at(8), Before: -1, After: time.Minute, Protect: pipeline.ProtectOff})
	require.NoError(t, err)
	require.Equal(t, pipeline.Triggered{Status: pipeline.EventMarked, Requested: at(5), Actual: at(5), Until: at(68)}, got)
	_, marks := r.takeAll(t)
	require.Len(t, marks, 2)
	require.True(t, marks[0].Event.Protect, "a mark protects by itself")
	require.False(t, marks[1].Event.Protect, "unless the trigger disables it")
	require.Equal(t, at(68).UnixNano(), marks[1].Event.EndUTC)

	r.Put(pool.NewMark(nil, 0, media.Mark{Kind: media.MarkRaised, Raised: &media.Raised{AtUTC: at(9).UnixNano()}}))
	_, marks = r.takeAll(t)
	require.Equal(t, at(6).UnixNano(), marks[0].Event.StartUTC, "a stage's event gets the ring's interval")
	r.End("stop")
	_, err = r.Trigger(pipeline.Trigger{At: at(9), Before: 0, After: -1})
	require.ErrorIs(t, err, pipeline.ErrNothing)
}

// The recording keeps its pre-roll, whatever the clock shows.
func TestRingMarksEventsAfterTheClockWasSet(t *testing.T) {
	for _, step := range []float64{-3600, 3600} {
		pool := pipelinetest.Pool(t)
		r := newTestRing(t, pool, roomy)
		cam := pipelinetest.NewCamera(t, pool)
		for _, c := range cam.Shoot(t, 251) {
			r.Put(c)
		}
		r.clock.(*pipelinetest.Clock).Set(time.Duration(step * 1e9))
		cam.SteppedNS = int64(step * 1e9)
		for _, c := range cam.Shoot(t, 50) {
			r.Put(c)
		}
		r.takeAll(t)
		at := func(s float64) time.Time { return time.Unix(0, pipelinetest.StartUTC+int64((step+s)*1e9)) }
		got, err := r.Trigger(pipeline.Trigger{At: at(11), Before: 11 * time.Second, After: time.Second})
		require.NoError(t, err, "step of %v s", step)
		require.Equal(t, at(0), got.Actual)
		_, err = r.Trigger(pipeline.Trigger{At: at(11), Before: 12 * time.Second, After: time.Second})
		require.ErrorIs(t, err, pipeline.ErrNotCovered)
		_, err = r.Trigger(pipeline.Trigger{At: at(-1), Before: 0, After: time.Second})
		require.ErrorIs(t, err, pipeline.ErrPast)
		r.takeAll(t)
		require.NoError(t, r.Close())
	}
}

// A mark stays, even if the chunks around it are dropped.
func TestRingNeverDropsMarks(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		pool := media.NewCheckedPool()
		cam := pipelinetest.NewCamera(t, pool)
		cam.GOP = rapid.SampledFrom([]int{25, 60, 200}).Draw(rt, "gop")
		cfg := roomy
		cfg.MaxTime = config.Duration(rapid.IntRange(1, 5).Draw(rt, "seconds")) * config.Duration(time.Second)
		r := newTestRing(t, pool, cfg)
		put := 0
		for range rapid.IntRange(1, 30).Draw(rt, "steps") {
			for _, c := range cam.Shoot(t, rapid.IntRange(0, 60).Draw(rt, "frames")) {
				r.Put(c)
			}
			if rapid.Bool().Draw(rt, "mark") {
				put++
				r.Put(pool.NewMark(nil, 0, media.Mark{Kind: rapid.SampledFrom([]media.MarkKind{media.MarkEnd, media.MarkEvent}).Draw(rt, "kind")}))
			}
		}
		_, marks := r.takeAll(t)
		got := 0
		for _, m := range marks {
			if m.Kind != media.MarkGap {
				got++
			}
		}
		require.Equal(rt, put, got)
		for _, c := range cam.Cut() {
			c.Release()
		}
		require.Zero(rt, pool.Outstanding())
	})
}

// A dropped GOP has a gap before it: the reported gap includes both.
func TestRingKeepsTheGapBeforeDroppedChunks(t *testing.T) {
	pool := pipelinetest.Pool(t)
	cam := pipelinetest.NewCamera(t, pool)
	r := newTestRing(t, pool, GOPRingConfig{MaxSize: 1 << 30, MaxTime: config.Duration(time.Hour)})
	shot := cam.Shoot(t, 25)
	cam.Gap(media.Gap{Cause: media.GapTimestampJump})
	shot = append(shot, cam.Shoot(t, 25)...)
	cam.Gap(media.Gap{Cause: media.GapStall, DurationNS: 12e9})
	shot = append(append(shot, cam.Shoot(t, 75)...), cam.Cut()...)
	for _, c := range shot {
		r.Put(c)
	}
	first, err := r.Take(t.Context()) // of a GOP that is not broken
	require.NoError(t, err)
	first.Release()
	for r.Shed() {
	}
	r.End("")
	var gap media.Gap
	for {
		c, err := r.Take(t.Context())
		if err != nil {
			break
		}
		if c.Mark != nil {
			gap = gap.Plus(c.Mark.Gap)
		} else {
			gap = gap.Plus(c.Gap)
		}
		c.Release()
	}
	require.Equal(t, media.GapOverload, gap.Cause, "the jump lost nothing")
	require.Greater(t, gap.Chunks, 2)
	require.EqualValues(t, 12e9+int64(gap.Chunks)*1e9, gap.DurationNS)
	require.NoError(t, r.Close())
}
