package stages

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
)

// model computes from the whole stream the result that the gate must reach chunk by chunk.
type model struct {
	before int64
	recs   []modelled
}

type modelled struct {
	start   int // index of the first chunk
	until   int64
	longest int64
	file    int   // index of the first chunk of the file that is written
	seen    int   // index of the first chunk that was not looked at for a cut
	cuts    []int // indices of the first chunks of the files after the first
	ids     []media.ID
}

// next returns the index of the first received GOP behind a recording.
func (m *modelled) next(all []shot) int {
	i := m.start
	for i < len(all) && all[i].utc < m.until {
		i++
	}
	return i
}

// roll begins the next file with the first key frame after the current one has reached its length.
func (m *modelled) roll(all []shot) {
	for end := m.next(all); m.seen < end; m.seen++ {
		if s := all[m.seen]; m.longest > 0 && s.gop && s.utc-all[m.file].utc >= m.longest {
			m.file, m.cuts = m.seen, append(m.cuts, m.seen)
		}
	}
}

func (m *model) last() *modelled { return &m.recs[len(m.recs)-1] }

// came extends the newest recording by the new media.
func (m *model) came(all []shot) {
	if len(m.recs) > 0 {
		m.last().roll(all)
	}
}

func (m *model) keyFrame(all []shot, from int, utc int64) int {
	for i := len(all) - 1; i >= from; i-- {
		if all[i].gop && all[i].utc <= utc {
			return i
		}
	}
	return -1
}

func (m *model) trigger(all []shot, id media.ID, start, end, longest int64) pipeline.TriggerStatus {
	end = max(end, start+1)
	if len(all) == 0 {
		return ""
	}
	reach := max(m.keyFrame(all, 0, all[len(all)-1].end-m.before), 0)
	for !all[reach].chunk { // the ring releases whole chunks
		reach--
	}
	var rec *modelled
	if len(m.recs) > 0 && m.last().next(all) >= reach {
		rec = m.last()
		reach = rec.next(all)
	}
	if rec != nil && end <= all[rec.start].utc || rec == nil && end <= all[reach].utc {
		return ""
	}
	status := pipeline.EventExtended
	if k := m.keyFrame(all, reach, start); rec == nil || start > rec.until && k >= 0 {
		status = pipeline.EventStarted
		first := max(k, reach)
		m.recs = append(m.recs, modelled{start: first, file: first, seen: first})
		rec = m.last()
	}
	rec.until = max(rec.until, end)
	if longest > 0 {
		rec.longest = longest
	}
	if !slices.Contains(rec.ids, id) {
		rec.ids = append(rec.ids, id)
	}
	rec.roll(all)
	return status
}

// sequences is the number of rounds; rapid tries a hundred new sequences in each.
const sequences = 300

// TestTriggersFollowTheRules compares the gate with the model on random streams and triggers: for now and for the past,
// with their own before, after and longest file, some of them repeated.
func TestTriggersFollowTheRules(t *testing.T) {
	tried := 0
	for n := 0; tried < sequences; n++ {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) { tried++; followTheRules(t, rt) })
		})
		if t.Failed() {
			return
		}
	}
	require.GreaterOrEqual(t, tried, sequences)
}

func followTheRules(t *testing.T, rt *rapid.T) {
	pool := media.NewCheckedPool()
	before := rapid.IntRange(0, 12_000).Draw(rt, "before")
	cfg := GOPRingConfig{Before: seconds(float64(before) / 1000), After: seconds(float64(rapid.IntRange(0, 8).Draw(rt, "after")))}
	r := newGateRig(t, pool, rapid.SampledFrom([]int{1, 2, 12, 25, 50, 180, 750}).Draw(rt, "gop"), cfg)
	m := &model{before: int64(cfg.Before)}
	for range rapid.IntRange(1, 25).Draw(rt, "steps") {
		r.shoot(rapid.IntRange(0, 300).Draw(rt, "frames"))
		m.came(r.all)
		if len(r.all) == 0 {
			continue
		}
		at := r.now() - int64(rapid.SampledFrom([]int{0, 0, 0, 500, 4000, 30_000}).Draw(rt, "ago"))*1e6
		ask := pipeline.Trigger{
			ID: [16]byte{1, byte(rapid.IntRange(0, 5).Draw(rt, "id"))}, At: time.Unix(0, at),
			Before: rapid.SampledFrom([]time.Duration{-1, -1, 0, time.Second, 20 * time.Second}).Draw(rt, "pre"),
			After:  rapid.SampledFrom([]time.Duration{-1, -1, 0, 3 * time.Second}).Draw(rt, "post"),
			Max:    rapid.SampledFrom([]time.Duration{0, 0, 2 * time.Second, 5 * time.Second}).Draw(rt, "max"),
		}
		start, end := at-int64(cfg.Before), at+int64(cfg.After)
		if ask.Before >= 0 {
			start = at - int64(ask.Before)
		}
		if ask.After >= 0 {
			end = at + int64(ask.After)
		}
		want := m.trigger(r.all, ask.ID, start, end, int64(ask.Max))
		got, err := r.gate.Trigger(ask)
		r.collect()
		require.Equal(rt, want, got.Status, "%v", err)
		if err == nil {
			require.Equal(rt, r.all[m.last().start].utc, got.Actual.UnixNano())
		}
	}
	r.shoot(100)
	m.came(r.all)
	files := r.recs
	for i := range m.recs {
		files = files[r.filmed(rt, m, i, files):]
	}
	require.Empty(rt, files)
	r.done()
	require.Zero(rt, pool.Outstanding())
}

// filmed compares recording i of the model with the files at the head of a list, and returns the number of them that
// belong to it. No chunk is lost between them.
func (r *gateRig) filmed(rt *rapid.T, m *model, i int, files []filmed) int {
	want := m.recs[i]
	end := want.next(r.all)
	if i+1 < len(m.recs) {
		end = min(end, m.recs[i+1].start)
	}
	cuts := append([]int{want.start}, want.cuts...)
	require.GreaterOrEqual(rt, len(files), len(cuts))
	var ids []media.ID
	for n, from := range cuts {
		to, ends := end, media.Cause(endcause.Event)
		if n+1 < len(cuts) {
			to, ends = cuts[n+1], endcause.MaxDuration
		}
		var seqs []uint64
		for _, s := range r.all[from:to] {
			seqs = append(seqs, s.seq)
		}
		require.True(rt, r.all[from].gop)
		require.Equal(rt, seqs, files[n].seqs, "recording %d, file %d", i, n)
		if files[n].ends != "" {
			require.Equal(rt, ends, files[n].ends)
		}
		for _, e := range files[n].events {
			if !slices.Contains(ids, e.ID) {
				ids = append(ids, e.ID)
			}
		}
	}
	require.Equal(rt, want.ids, ids)
	return len(cuts)
}

// A gap at the end of the ring has no duration of its own: the ring's span stays the same.
func TestAGateReportsItsSpanWithAGapBehindIt(t *testing.T) {
	r := newGateRig(t, pipelinetest.Pool(t), 25, GOPRingConfig{Before: seconds(5), After: seconds(2)})
	r.shoot(251)
	var before, behind pipeline.Report
	r.gate.Report(&before)
	require.GreaterOrEqual(t, before.RingSpan, 5*time.Second)
	r.gate.Put(r.gate.queue.pool.NewMark(nil, 0, media.Mark{Kind: media.MarkGap, Gap: media.Gap{Cause: media.GapOverload, Chunks: 1}}))
	r.gate.Report(&behind)
	require.Equal(t, before.RingSpan, behind.RingSpan)
	require.Equal(t, before.RingBytes, behind.RingBytes)
	require.Equal(t, before.RingChunks+1, behind.RingChunks)
	r.done()
}

// A recording begins and ends with a GOP within a chunk, by the current wall clock, even if it was set since the chunk
// was held.
func TestAChunkOfManyGOPsIsPartedByTheClockAsItIs(t *testing.T) {
	for _, step := range []int64{-3600e9, 3600e9} {
		r := newGateRig(t, pipelinetest.Pool(t), 5, GOPRingConfig{Before: seconds(10), After: seconds(5)})
		r.shoot(1001)
		held := sinceStart(r.now())
		r.gate.set.Clock.(*pipelinetest.Clock).Set(time.Duration(step))
		at := pipelinetest.StartUTC + int64((held-4.5)*1e9) + step
		got, err := r.trigger(1, at, time.Second, time.Second)
		require.NoError(t, err)
		late := got.Requested.Sub(got.Actual)
		require.True(t, late >= 0 && late <= 200*time.Millisecond, "begins %v too early", late)
		from, to := r.span(r.recs[0])
		require.InDelta(t, held-5.5, from, 0.201)
		require.InDelta(t, held-3.5, to, 0.201)
		r.done()
	}
}

// The pre-roll that a trigger releases at once may be longer than the backlog that is allowed of the disk.
func TestAPreRollLongerThanTheBacklogIsWhole(t *testing.T) {
	r := newGateRig(t, pipelinetest.Pool(t), 25, GOPRingConfig{Before: seconds(90), After: seconds(2)})
	r.cam.Bytes = 100
	r.shoot(25*100 + 1)
	_, err := r.trigger(1, r.now(), -1, -1)
	require.NoError(t, err)
	from, to := r.span(r.recs[0])
	require.Greater(t, to-from, 85.0)
	var rep pipeline.Report
	r.gate.Report(&rep)
	require.Empty(t, rep.Drops)
	r.done()
}
