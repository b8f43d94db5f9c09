package media

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Each access unit that is lost on the way, or dropped around the loss by a full queue, is reported once: by the gaps
// before chunks, by those within chunks, or by the marks between chunks. The gap before a file, which is measured from
// unit to unit, may be one picture longer, and so may a gap where the bound has no room for a GOP, which is then
// dropped from its end, too.
func TestEachLostSecondIsReportedOnceWhateverAQueueDrops(t *testing.T) {
	for name, policy := range map[string]DropPolicy{"oldest": DropOldest, "newest": DropNewest} {
		t.Run(name, func(t *testing.T) { rapid.Check(t, func(t *rapid.T) { lostAndDropped(t, policy) }) })
	}
}

func lostAndDropped(t *rapid.T, policy DropPolicy) {
	const frame = second / 25
	gop := rapid.SampledFrom([]int64{50, 200}).Draw(t, "gop") // of two chunks, or eight
	pool := NewCheckedPool()
	q := NewGOPQueue(pool, GOPLimits{Policy: policy, MaxSpan: rapid.SampledFrom([]time.Duration{2e9, 4e9, 8e9}).Draw(t, "bound")})
	told, kept, behindMark := int64(0), 0, false
	var list []Gap
	take := func(c *Chunk) {
		defer c.Release()
		if c.Mark != nil || !c.Gap.None() { // another file begins
			list = slices.DeleteFunc(list, func(g Gap) bool { return g.Next })
		}
		if c.Mark != nil {
			told, behindMark = told+c.Mark.Gap.DurationNS, true
			return
		}
		kept += c.Lead().Len()
		told += c.Gap.DurationNS
		for _, g := range c.Gaps {
			if behindMark {
				g = g.From(c.UTC)
			}
			list = append(list, g)
		}
		behindMark = false
	}
	b := NewBuilder(pool, BuilderConfig{}, q.Put)
	b.SetTracks(setOf(t, video()))
	losses := rapid.SliceOfN(rapid.SampledFrom([]int64{1, 3, 12, 30, 45}), 0, 8).Draw(t, "losses")
	next, lost, big := int64(0), int64(0), int64(0)
	put := func(n int64, was int) {
		ns := n * frame
		require.NoError(t, b.Append(0, &AU{DTS: n * 3600, PTS: n * 3600, UTC: start + ns, MonoNS: ns + 1, Sync: n%gop == 0, Lost: was, Payload: [][]byte{{0x65, 1}}}))
	}
	shed := func() {
		for range rapid.IntRange(0, 2).Draw(t, "shed") {
			q.Shed()
		}
	}
	for _, n := range append(losses, 0) {
		for range rapid.Int64Range(40, 150).Draw(t, "pictures") {
			put(next, 0)
			next++
		}
		if rapid.Bool().Draw(t, "taken") {
			for range rapid.IntRange(0, 6).Draw(t, "chunks") {
				if c := q.Next(); c != nil {
					take(c)
				}
			}
		}
		shed()
		if n == 0 {
			continue
		}
		next += n
		put(next, int(n))
		next++
		shed() // the chunk behind the hole is to come
		if lost += n; n >= 25 {
			big++
		}
	}
	for key := false; !key; next++ { // the gap is reported before a key frame
		put(next, 0)
		key = next%gop == 0
	}
	b.Flush()
	for c := q.Next(); c != nil; c = q.Next() {
		take(c)
	}
	if c := q.Rest(); c != nil {
		take(c)
	}
	for _, g := range list {
		told += g.Missing()
	}
	missing := (next - int64(kept)) * frame
	require.GreaterOrEqual(t, missing, lost*frame)
	require.GreaterOrEqual(t, told, missing-int64(time.Millisecond), "the whole loss is reported")
	require.LessOrEqual(t, told, missing+big*frame+int64(time.Millisecond), "once")
	require.Zero(t, pool.Outstanding(), pool.Leaks())
}
