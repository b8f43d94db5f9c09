package movie

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/isobmff/index"
)

// TestAPartIsCountedSampleBySample compares the counts of random samples, in pieces of random length, with those of a look at every sample.
func TestAPartIsCountedSampleBySample(t *testing.T) {
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 1))
		n := 1 + r.IntN(300)
		all := index.Columns{DTS: r.Int64N(1000) - 500}
		few := func(least, n int64) int64 { return least + r.Int64N(1+r.Int64N(n)) }
		for at := int64(100); len(all.Sizes) < n; {
			all.Durations = append(all.Durations, few(0, 3))
			all.Offsets = append(all.Offsets, few(int64(seed%3)-1, 3))
			all.Sizes, all.Places, all.Sync = append(all.Sizes, few(0, 9)), append(all.Places, at), append(all.Sync, r.IntN(3) == 0)
			if at += all.Sizes[len(all.Sizes)-1]; r.IntN(4) == 0 {
				at = r.Int64N(1000)
			}
		}
		from := all.DTS + r.Int64N(int64(n)+20) - 10
		to := from + r.Int64N(int64(n))
		p := part{end: int64(n)}
		g := newGauge(&p, from, to)
		for k := all; len(k.Sizes) > 0; {
			i := 1 + r.IntN(len(k.Sizes))
			g.add(&index.Columns{DTS: k.DTS, Durations: k.Durations[:i], Offsets: k.Offsets[:i], Sizes: k.Sizes[:i], Places: k.Places[:i], Sync: k.Sync[:i]})
			for _, d := range k.Durations[:i] {
				k.DTS += d
			}
			k = index.Columns{DTS: k.DTS, Durations: k.Durations[i:], Offsets: k.Offsets[i:], Sizes: k.Sizes[i:], Places: k.Places[i:], Sync: k.Sync[i:]}
		}
		counted, seen := looked(&all, from, to)
		require.Equal(t, counted, p.counts, "seed %d", seed)
		require.Equal(t, seen, p.shown, "seed %d", seed)
	}
}

// looked counts samples one after another.
func looked(k *index.Columns, from, to int64) (c counts, s shown) {
	s = shown{firstDTS: k.DTS, firstPTS: unseen, startPTS: unseen, fromByte: unseen}
	c.offset = k.Offsets[0]
	dts := k.DTS
	for i, d := range k.Durations {
		pts, end := dts+k.Offsets[i], k.Places[i]+k.Sizes[i]
		if i < len(k.Durations)-1 && (i == 0 || d != k.Durations[i-1]) {
			c.durations++
		}
		if i == 0 && len(k.Durations) > 1 {
			c.duration = d
		}
		if i == 0 || k.Offsets[i] != k.Offsets[i-1] {
			c.offsets++
		}
		if i == 0 || k.Places[i] != k.Places[i-1]+k.Sizes[i-1] {
			c.stretches++
		}
		if k.Sync[i] {
			c.syncs++
		}
		c.bytes += k.Sizes[i]
		c.negative, c.shifted, c.least = c.negative || k.Offsets[i] < 0, c.shifted || k.Offsets[i] != 0, min(c.least, k.Offsets[i])
		s.firstPTS, s.fromByte, s.toByte = min(s.firstPTS, pts), min(s.fromByte, k.Places[i]), max(s.toByte, end)
		if pts >= from && pts < to {
			s.startPTS, s.endPTS = min(s.startPTS, pts), max(s.endPTS, min(pts+d, to))
		}
		s.lastDTS, s.endDTS = dts, dts+d
		dts += d
	}
	return c, s
}
