package stages

import (
	"cmp"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
)

// gateRig drives a gate and keeps its output, by recording.
type gateRig struct {
	t    testing.TB
	gate *gopGate
	pool *media.Pool
	cam  *pipelinetest.Camera
	all  []shot // received, one for each GOP and each part of a GOP in a further chunk
	recs []filmed
	open bool
	pend []media.Event // marks between two recordings
}

type shot struct {
	seq      uint64 // from 1 on
	dts      int64
	utc, end int64
	gop      bool
	chunk    bool // one begins here
}

// shotsOf lists the GOPs of a chunk.
func shotsOf(c *media.Chunk) (all []shot) {
	for i := 0; i >= 0; i = c.NextGOP(i) {
		if n := len(all); n > 0 {
			all[n-1].end = c.UTCAt(i)
		}
		all = append(all, shot{dts: c.Lead().DTS[i], utc: c.UTCAt(i), end: c.UTC + c.SpanNS(), gop: i > 0 || c.StartsGOP, chunk: i == 0})
	}
	return all
}

type filmed struct {
	seqs   []uint64
	events []media.Event
	ends   media.Cause
	more   bool // the newest chunk has More
}

func newGateRig(t testing.TB, pool *media.Pool, gop int, cfg GOPRingConfig) *gateRig {
	t.Helper()
	if cfg.MaxSize == 0 {
		cfg.MaxSize = 64 << 20
	}
	cfg.MaxTime = config.Duration(time.Minute)
	r := &gateRig{t: t, pool: pool, cam: pipelinetest.NewCamera(t, pool)}
	r.cam.GOP = gop
	r.gate = newGate(t, pool, cfg, nil)
	return r
}

func newGate(t testing.TB, pool *media.Pool, cfg GOPRingConfig, kept *pipeline.Handover) *gopGate {
	t.Helper()
	env := pipelinetest.Env()
	set := pipeline.Settings{Stage: "gop_ring", Stream: "live/x", Log: env.Log, Clock: &pipelinetest.Clock{}, Mode: pipeline.ModeEvent, Handover: kept}
	return newGOPGate(set, cfg, newTestRing(t, pool, cfg))
}

// shoot feeds frames, 40 ms each.
func (r *gateRig) shoot(frames int) {
	for _, c := range r.cam.Shoot(r.t, frames) {
		r.put(c)
	}
}

func (r *gateRig) put(c *media.Chunk) {
	for _, s := range shotsOf(c) {
		s.seq = uint64(len(r.all) + 1)
		r.all = append(r.all, s)
	}
	r.gate.Put(c)
	r.collect()
}

func (r *gateRig) collect() {
	for {
		c, err := r.gate.queue.next()
		if c == nil {
			require.True(r.t, err == nil || err == io.EOF)
			return
		}
		r.took(c)
		c.Release()
	}
}

func (r *gateRig) took(c *media.Chunk) {
	switch {
	case c.Mark == nil:
		if !r.open {
			r.recs = append(r.recs, filmed{events: r.pend})
			r.open, r.pend = true, nil
		}
		r.last().more = c.More
		for _, s := range shotsOf(c) {
			i, came := slices.BinarySearchFunc(r.all, s.dts, func(a shot, dts int64) int { return cmp.Compare(a.dts, dts) })
			require.True(r.t, came, "a GOP was torn")
			r.last().seqs = append(r.last().seqs, r.all[i].seq)
		}
	case c.Mark.Kind == media.MarkEnd:
		require.True(r.t, r.open, "the end of no recording")
		r.last().ends, r.open = c.Mark.End, false
	case c.Mark.Kind == media.MarkEvent && r.open:
		r.last().events = media.JoinEvent(r.last().events, *c.Mark.Event)
	case c.Mark.Kind == media.MarkEvent:
		r.pend = media.JoinEvent(r.pend, *c.Mark.Event)
	}
}

func (r *gateRig) last() *filmed { return &r.recs[len(r.recs)-1] }

func (r *gateRig) now() int64 { return r.all[len(r.all)-1].end }

func (r *gateRig) done() {
	require.NoError(r.t, r.gate.Close())
	for _, c := range r.cam.Cut() {
		c.Release()
	}
}

// span returns the begin and the end of a recording, in seconds since the first frame.
func (r *gateRig) span(f filmed) (from, to float64) {
	at := func(seq uint64) shot {
		return r.all[slices.IndexFunc(r.all, func(s shot) bool { return s.seq == seq })]
	}
	return sinceStart(at(f.seqs[0]).utc), sinceStart(at(f.seqs[len(f.seqs)-1]).end)
}

func sinceStart(utc int64) float64 { return float64(utc-pipelinetest.StartUTC) / 1e9 }

func (r *gateRig) trigger(n byte, at int64, before, after time.Duration) (pipeline.Triggered, error) {
	t := pipeline.Trigger{ID: [16]byte{1, n}, At: time.Unix(0, at), Before: before, After: after}
	got, err := r.gate.Trigger(t)
	r.collect()
	return got, err
}

func seconds(s float64) config.Duration { return config.Duration(s * float64(time.Second)) }

// For GOPs shorter and longer than the pre-roll the recording begins with the last key frame at or before the
// requested time.
func TestPreRollReachesBackToTheKeyFrame(t *testing.T) {
	for _, c := range []struct {
		gop  int     // frames
		want float64 // second of the key frame: at 61.6 s less 10 s
	}{{1, 51.6}, {2, 51.6}, {12, 51.36}, {50, 50}, {750, 30}} {
		pool := pipelinetest.Pool(t)
		r := newGateRig(t, pool, c.gop, GOPRingConfig{Before: seconds(10), After: seconds(5)})
		r.shoot(1541) // the chunk that is still open comes later
		got, err := r.trigger(1, pipelinetest.StartUTC+61.6e9, -1, -1)
		require.NoError(t, err)
		require.Equal(t, pipeline.EventStarted, got.Status)
		require.InDelta(t, c.want, sinceStart(got.Actual.UnixNano()), 0.001, "GOP of %d", c.gop)
		require.InDelta(t, 51.6, sinceStart(got.Requested.UnixNano()), 0.001)
		r.shoot(2500)
		require.Len(t, r.recs, 1)
		from, to := r.span(r.recs[0])
		require.InDelta(t, c.want, from, 0.001)
		require.GreaterOrEqual(t, to, 66.6)
		require.Less(t, to, 67.7, "a chunk more at most")
		require.EqualValues(t, endcause.Event, r.recs[0].ends)
		r.done()
	}
}

// The file of an ended event stays open without waiting for a chunk that syncs it.
func TestNothingIsToFollowTheLastChunkOfAnEvent(t *testing.T) {
	pool := pipelinetest.Pool(t)
	r := newGateRig(t, pool, 1, GOPRingConfig{Before: seconds(1), After: seconds(0.6)})
	r.cam.Bytes = 800_000 // five pictures are a chunk: 0.2 s
	r.shoot(51)
	_, err := r.trigger(1, pipelinetest.StartUTC+2e9, -1, -1)
	require.NoError(t, err)
	r.shoot(5)
	require.True(t, r.last().more)
	r.shoot(15)
	_, to := r.span(r.recs[0])
	require.InDelta(t, 2.6, to, 0.001)
	require.Empty(t, r.last().ends, "it could go on")
	require.False(t, r.last().more)
	r.done()
}

func TestAGateDropsEverythingWithoutATrigger(t *testing.T) {
	pool := pipelinetest.Pool(t)
	r := newGateRig(t, pool, 25, GOPRingConfig{Before: seconds(3), After: seconds(1)})
	_, err := r.trigger(1, pipelinetest.StartUTC, -1, -1)
	require.ErrorIs(t, err, pipeline.ErrNothing)
	r.shoot(1000)
	require.Empty(t, r.recs)
	require.LessOrEqual(t, r.gate.held.Len(), 4, "the window, and the GOP that it begins in")
	var rep pipeline.Report
	r.gate.Report(&rep)
	require.Equal(t, "trigger", rep.Waiting)
	require.Empty(t, rep.Warnings)
	_, err = r.trigger(1, pipelinetest.StartUTC, -1, -1)
	require.ErrorIs(t, err, pipeline.ErrPast)
	r.gate.End("stop")
	_, err = r.gate.Take(t.Context())
	require.ErrorIs(t, err, io.EOF)
	r.done()
}

// An interval that begins where another one has ended extends the recording; a moment between the two makes two
// recordings.
func TestIntervalsThatTouchAreOneRecording(t *testing.T) {
	for _, c := range []struct {
		at   float64
		want pipeline.TriggerStatus
	}{{25, pipeline.EventExtended}, {26, pipeline.EventExtended}, {27, pipeline.EventStarted}} {
		pool := pipelinetest.Pool(t)
		r := newGateRig(t, pool, 25, GOPRingConfig{Before: seconds(4), After: seconds(2)})
		r.shoot(20*25 + 1)
		_, err := r.trigger(1, r.now(), -1, -1)
		require.NoError(t, err)
		r.shoot(int(c.at*25) - 20*25)
		require.Equal(t, c.at, sinceStart(r.now()))
		got, err := r.trigger(2, r.now(), -1, -1)
		require.NoError(t, err)
		require.Equal(t, c.want, got.Status, "at %v", c.at)
		if c.want == pipeline.EventExtended {
			require.Len(t, r.recs, 1)
			require.Len(t, r.recs[0].events, 2)
		}
		r.done()
	}
}

func TestMaxRollsWithoutLosingAChunk(t *testing.T) {
	pool := pipelinetest.Pool(t)
	r := newGateRig(t, pool, 50, GOPRingConfig{Before: seconds(2), After: seconds(20)})
	r.shoot(501)
	_, err := r.gate.Trigger(pipeline.Trigger{ID: [16]byte{9}, At: time.Unix(0, r.now()), Before: -1, After: -1, Max: 5 * time.Second})
	require.NoError(t, err)
	r.shoot(1000)
	require.Len(t, r.recs, 4)
	for i := range 3 {
		require.EqualValues(t, endcause.MaxDuration, r.recs[i].ends)
		require.Equal(t, r.recs[i].seqs[len(r.recs[i].seqs)-1]+1, r.recs[i+1].seqs[0], "no chunk between files")
		from, to := r.span(r.recs[i])
		require.InDelta(t, 6, to-from, 0.001, "the key frame after 5 s")
	}
	require.EqualValues(t, endcause.Event, r.recs[3].ends)
	r.done()
}

// The age of held footage does not change when the wall clock is set.
func TestClockStepKeepsAges(t *testing.T) {
	for _, step := range []int64{-3600e9, 3600e9} {
		pool := pipelinetest.Pool(t)
		r := newGateRig(t, pool, 25, GOPRingConfig{Before: seconds(10), After: seconds(5)})
		r.shoot(1001)
		r.gate.set.Clock.(*pipelinetest.Clock).Set(time.Duration(step))
		r.cam.SteppedNS = step
		r.shoot(50)
		require.Equal(t, 10, r.gate.held.Len(), "step %d", step)
		got, err := r.trigger(1, r.now(), -1, -1)
		require.NoError(t, err)
		require.InDelta(t, 10, float64(r.now()-got.Actual.UnixNano())/1e9, 1.001)
		require.Equal(t, uint64(33), r.recs[0].seqs[0])
		r.done()
	}
}

// A ring with too few bytes drops its oldest GOPs first, and reports that.
func TestTooFewBytesShortenThePreRoll(t *testing.T) {
	pool := pipelinetest.Pool(t)
	r := newGateRig(t, pool, 25, GOPRingConfig{Before: seconds(10), After: seconds(2), MaxSize: 1 << 20})
	r.cam.Bytes = 10_000
	r.shoot(501)
	require.LessOrEqual(t, r.gate.held.Held(), int64(1<<20))
	var rep pipeline.Report
	r.gate.Report(&rep)
	require.Len(t, rep.Warnings, 1)
	got, err := r.trigger(1, r.now(), -1, -1)
	require.NoError(t, err)
	require.True(t, r.all[slices.IndexFunc(r.all, func(s shot) bool { return s.seq == r.recs[0].seqs[0] })].gop)
	require.True(t, got.Actual.After(got.Requested))
	r.shoot(200)
	require.GreaterOrEqual(t, len(r.recs[0].seqs), 5)
	r.done()
}

func TestAGOPLargerThanTheRingIsDroppedWhole(t *testing.T) {
	pool := pipelinetest.Pool(t)
	r := newGateRig(t, pool, 250, GOPRingConfig{Before: seconds(10), After: seconds(2), MaxSize: 1 << 20})
	r.cam.Bytes = 10_000
	r.shoot(201)
	require.Zero(t, r.gate.held.Len())
	_, err := r.trigger(1, r.now(), -1, -1)
	require.ErrorIs(t, err, pipeline.ErrNothing)
	r.shoot(76) // the next key frame, and a chunk
	got, err := r.trigger(1, r.now(), -1, -1)
	require.NoError(t, err)
	require.InDelta(t, 10, sinceStart(got.Actual.UnixNano()), 0.001)
	r.done()
}

// If the publisher returns, the event goes on in the next run.
func TestPublisherThatReturnsGoesOnWithTheEvent(t *testing.T) {
	pool := pipelinetest.Pool(t)
	kept := &pipeline.Handover{}
	cfg := GOPRingConfig{Before: seconds(2), After: seconds(30), MaxSize: 64 << 20, MaxTime: seconds(60)}
	r := newGateRig(t, pool, 25, cfg)
	r.gate = newGate(t, pool, cfg, kept)
	r.shoot(251)
	_, err := r.trigger(7, r.now(), -1, -1)
	require.NoError(t, err)
	r.gate.End("source_lost")
	require.NoError(t, r.gate.Close())
	r.open = false
	r.gate = newGate(t, pool, cfg, kept)
	r.shoot(100)
	require.Len(t, r.recs, 2)
	require.Equal(t, media.ID{1, 7}, r.recs[1].events[0].ID)
	require.Equal(t, r.recs[0].events, r.recs[1].events)
	r.done()
	r.gate = newGate(t, pool, cfg, kept)
	r.open = false
	r.shoot(2000)
	r.gate.End("stop")
	require.Len(t, r.recs, 2+1, "over after 30 s")
	_, to := r.span(r.recs[2])
	require.InDelta(t, 40, to, 1)
	r.done()
}

// After the event's end a returning publisher begins no recording.
func TestAPublisherThatReturnsTooLateBeginsNoRecording(t *testing.T) {
	pool := pipelinetest.Pool(t)
	kept := &pipeline.Handover{}
	cfg := GOPRingConfig{Before: seconds(2), After: seconds(2), MaxSize: 64 << 20, MaxTime: seconds(60)}
	r := newGateRig(t, pool, 25, cfg)
	r.gate = newGate(t, pool, cfg, kept)
	r.shoot(251)
	_, err := r.trigger(7, r.now(), -1, -1)
	require.NoError(t, err)
	require.NoError(t, r.gate.Close())
	r.open = false
	for _, c := range r.cam.Shoot(t, 100) {
		c.Release()
	}
	r.gate = newGate(t, pool, cfg, kept)
	r.shoot(100)
	require.Len(t, r.recs, 1)
	require.Empty(t, r.pend)
	require.Nil(t, r.gate.rec)
	r.done()
}

// A trigger right after a step comes before the next key frame, while all held media has times of the old clock.
func TestATriggerBehindAStepReachesBackAsFarAsOneBefore(t *testing.T) {
	for _, step := range []time.Duration{1500 * time.Millisecond, -time.Hour, time.Hour, fiftyYears, -fiftyYears} {
		pool := pipelinetest.Pool(t)
		r := newGateRig(t, pool, 50, GOPRingConfig{Before: seconds(5), After: seconds(5)})
		r.shoot(505) // the newest GOP has just begun
		r.gate.set.Clock.(*pipelinetest.Clock).Set(step)
		r.cam.SteppedNS = int64(step)
		at := r.now() + int64(step)
		got, err := r.trigger(1, at, -1, -1)
		require.NoError(t, err, step)
		require.Equal(t, pipeline.EventStarted, got.Status)
		require.InDelta(t, 5, float64(at-got.Actual.UnixNano())/1e9, 2.1, "step of %s", step)
		r.shoot(25 * 20)
		require.Len(t, r.recs, 1)
		require.EqualValues(t, endcause.Event, r.recs[0].ends, "it ends")
		first, last := r.recs[0].seqs[0], r.recs[0].seqs[len(r.recs[0].seqs)-1]
		require.InDelta(t, 10+2, last-first+1, 2.1, "chunks of a second, from before and from after")
		r.done()
	}
}

// A waiting event moves with the clock that is set before its camera comes.
func TestAWaitingEventMovesWithTheClock(t *testing.T) {
	for _, step := range []time.Duration{-time.Hour, time.Hour} {
		pool := pipelinetest.Pool(t)
		r := newGateRig(t, pool, 25, GOPRingConfig{Before: seconds(5), After: seconds(5)})
		now := r.gate.set.Clock.Now()
		_, err := r.gate.Trigger(pipeline.Trigger{ID: [16]byte{1}, At: now, Before: 0, After: 3 * time.Second, WaitUntil: now.Add(time.Hour)})
		require.NoError(t, err)
		r.gate.set.Clock.(*pipelinetest.Clock).Set(step)
		r.cam.SteppedNS = int64(step) + now.UnixNano() - pipelinetest.StartUTC // it films today
		for _, c := range r.cam.Shoot(t, 25*10) {
			c.SteppedNS = int64(step)
			r.put(c)
		}
		require.Len(t, r.recs, 1, step)
		require.InDelta(t, 3, len(r.recs[0].seqs), 1, "step of %s", step)
		r.done()
	}
}
