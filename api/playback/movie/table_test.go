package movie

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/isobmff/index"
)

// randomPieces gives columns in pieces of random length.
type randomPieces struct {
	left index.Columns
	r    *rand.Rand
}

func (p *randomPieces) Columns() (k index.Columns, err error) {
	if len(p.left.Sizes) == 0 {
		return k, nil
	}
	all, n := p.left, 1+p.r.IntN(len(p.left.Sizes))
	k = index.Columns{DTS: all.DTS, Durations: all.Durations[:n], Offsets: all.Offsets[:n], Sizes: all.Sizes[:n], Places: all.Places[:n], Sync: all.Sync[:n]}
	p.left = index.Columns{DTS: all.DTS, Durations: all.Durations[n:], Offsets: all.Offsets[n:], Sizes: all.Sizes[n:], Places: all.Places[n:], Sync: all.Sync[n:]}
	for _, d := range k.Durations {
		p.left.DTS += d
	}
	return k, nil
}

// TestTablesDescribeEachSample makes the tables of random samples, some of them in another timescale than their track's, reads them
// entry by entry, and compares what they say of each sample.
func TestTablesDescribeEachSample(t *testing.T) {
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 2))
		n := 1 + r.IntN(60)
		var all index.Columns
		for at := int64(100); len(all.Sizes) < n; {
			all.Durations = append(all.Durations, 1+r.Int64N(1+int64(seed%3)))
			all.Offsets = append(all.Offsets, r.Int64N(1+int64(seed%2)*3))
			all.Sizes, all.Places, all.Sync = append(all.Sizes, 1+r.Int64N(9)), append(all.Places, at), append(all.Sync, r.IntN(3) == 0)
			if at += all.Sizes[len(all.Sizes)-1]; r.IntN(4) == 0 {
				at += r.Int64N(1000)
			}
		}
		p := part{end: int64(n), timescale: 1000, entry: 3, zeroTicks: 50, lastTicks: 77, mediaAt: 5000}
		g := newGauge(&p, 0, 1000)
		g.add(&all)
		m := &Movie{sources: []source{{}}, tracks: []track{{timescale: 1000 + 500*uint32(seed%5/4), parts: []part{{end: 10, counts: counts{stretches: 4}}, p}}}}
		if seed%7 == 0 {
			m.sources[0] = source{fromByte: 90, toByte: 1 << 20, mediaAt: 3000}
		}
		of := &m.tracks[0]
		made := func(c content) []int64 {
			tab := &table{content: c, of: of, p: &of.parts[1], source: &m.sources[0], next: -1, c: &randomPieces{all, r}}
			if c == syncs {
				tab.base = 10
			} else if c == spans {
				tab.base = 4
			}
			var w, constant isobmff.Writer
			for had := -1; had < len(w.B); {
				had = len(w.B)
				require.NoError(t, tab.more(&w, 1+r.IntN(100)))
			}
			if m.constant(&constant, &piece{track: 0, part: 1, result: c}) {
				require.Equal(t, w.B, constant.B, "seed %d: without the index", seed)
			}
			return fields(w.B, c == places)
		}
		var expect, times, shifts, sync, spanned, placed []int64
		dts, sent := int64(0), int64(0)
		for i, d := range all.Durations {
			begin := of.out(&p, dts)
			times, shifts = append(times, of.out(&p, dts+d)-begin), append(shifts, of.out(&p, dts+all.Offsets[i])-begin)
			dts += d
			expect = append(expect, all.Sizes[i])
			if all.Sync[i] {
				sync = append(sync, 10+int64(i)+1)
			}
			if i == 0 || all.Places[i] != all.Places[i-1]+all.Sizes[i-1] {
				at := p.mediaAt + sent
				if m.sources[0].toByte > 0 {
					at = 3000 + all.Places[i] - 90
				}
				placed = append(placed, at)
			}
			spanned = append(spanned, 4+int64(len(placed)))
			sent += all.Sizes[i]
		}
		times[n-1] = 77
		require.Equal(t, expect, made(sizes), "seed %d", seed)
		require.Equal(t, sync, made(syncs), "seed %d", seed)
		require.Equal(t, placed, made(places), "seed %d", seed)
		entries := made(durations)
		require.Len(t, entries, 2*int(of.durations(&p)), "seed %d", seed)
		require.Equal(t, times, expanded(entries), "seed %d", seed)
		entries = made(offsets)
		require.Len(t, entries, 2*int(of.offsets(&p)), "seed %d", seed)
		require.Equal(t, shifts, expanded(entries), "seed %d", seed)
		var chunks []int64
		for e := made(spans); len(e) > 0; e = e[3:] {
			require.EqualValues(t, 3, e[2])
			for range e[1] {
				chunks = append(chunks, e[0])
			}
		}
		require.Equal(t, spanned, chunks, "seed %d", seed)
	}
}

// fields returns the numbers of 4 or 8 bytes of some entries.
func fields(b []byte, long bool) (out []int64) {
	for len(b) > 0 {
		if long {
			out, b = append(out, int64(binary.BigEndian.Uint64(b))), b[8:]
		} else {
			out, b = append(out, int64(binary.BigEndian.Uint32(b))), b[4:]
		}
	}
	return out
}

// expanded returns the value of each sample of entries with a number of samples and their value.
func expanded(entries []int64) (out []int64) {
	for ; len(entries) > 0; entries = entries[2:] {
		for range entries[0] {
			out = append(out, entries[1])
		}
	}
	return out
}

// An index with fewer or more samples than the plan has counted makes no table.
func TestATableOfOtherSamplesIsRefused(t *testing.T) {
	k := index.Columns{Durations: []int64{1, 1}, Offsets: []int64{0, 0}, Sizes: []int64{5, 5}, Places: []int64{0, 5}, Sync: []bool{true, true}}
	for _, planned := range []int64{1, 3} {
		of := &track{timescale: 1, parts: []part{{end: planned, timescale: 1}}}
		for _, c := range []content{durations, offsets, spans, sizes, places, syncs} {
			g := &table{content: c, of: of, p: &of.parts[0], source: &source{}, next: -1, c: &randomPieces{k, rand.New(rand.NewPCG(1, 1))}}
			var w isobmff.Writer
			var err error
			for range 4 {
				if err = g.more(&w, 1); err != nil {
					break
				}
			}
			require.ErrorIs(t, err, errChanged, "%d samples planned, content %d", planned, c)
		}
	}
}
