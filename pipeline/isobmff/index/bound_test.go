package index_test

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/isobmff/index"
)

// most is the promised bound of an index in bytes, for any samples.
func most(units, tracks int) int { return 31*units + 130*tracks + 68 }

// anyBits returns a number of random length, of at most the given bits.
func anyBits(r *rand.Rand, bits int) int64 { return int64(r.Uint64() >> (64 - r.IntN(bits+1))) }

// hostile returns samples of which each column takes the most bytes: all values are far above the least one, no value
// is repeated, and no sample follows the previous one in the file.
func hostile(r *rand.Rand, n int) (out []isobmff.Sample) {
	dts := int64(-math.MaxInt64 / 4)
	step := int64(math.MaxInt64/2) / int64(max(n, 1))
	for i := range n {
		s := isobmff.Sample{DTS: dts, DurationTicks: step/2 + r.Int64N(step/2), OffsetTicks: r.Int32(), SizeBytes: 1<<31 + r.Uint32N(1<<31), Sync: i%index.BlockSamples != 0, At: r.Int64N(1 << 50)}
		switch {
		case i%index.BlockSamples == 0:
			s.DurationTicks, s.OffsetTicks, s.SizeBytes = 0, math.MinInt32, 0
		case i%2 == 0:
			s.At += 1<<60 - 1<<51
		}
		s.DurationTicks = min(s.DurationTicks, math.MaxInt64/4)
		out = append(out, s)
		dts += s.DurationTicks
	}
	return out
}

// wild returns samples with numbers of all lengths, few of which are plausible together.
func wild(r *rand.Rand, n, bits int) (out []isobmff.Sample) {
	sign := func(v int64) int64 { return v * int64(1-2*r.IntN(2)) }
	dts := sign(anyBits(r, bits))
	for range n {
		if dts += anyBits(r, max(bits-8, 1)); r.IntN(500) == 0 {
			dts = sign(anyBits(r, bits))
		}
		s := isobmff.Sample{DTS: dts, DurationTicks: anyBits(r, bits), OffsetTicks: int32(sign(anyBits(r, 32))), SizeBytes: uint32(anyBits(r, 32)), Sync: r.IntN(2) == 0, At: anyBits(r, bits)}
		if r.IntN(500) == 0 {
			s.At = -s.At
		}
		out = append(out, s)
	}
	return out
}

// requireBound checks that the samples are refused, or that their index is within the bound and returns the samples.
// It returns the index's length in bytes, or 0 if they are refused.
func requireBound(t *testing.T, seed uint64, tracks [][]isobmff.Sample) int {
	t.Helper()
	var e index.Encoder
	units := 0
	for _, samples := range tracks {
		e.Track(video)
		units += len(samples)
		for i := range samples {
			e.Add(&samples[i])
		}
	}
	file := of
	file.Bytes = 1 << 60
	text, err := e.Finish(file)
	if err != nil {
		require.ErrorIs(t, err, index.ErrSamples)
		return 0
	}
	require.LessOrEqual(t, len(text), most(units, len(tracks)), "seed %d: %d access units", seed, units)
	x, err := index.Open(bytes.NewReader(text), int64(len(text)))
	require.NoError(t, err, "seed %d", seed)
	for i, want := range tracks {
		got := all(t, x, i)
		require.Len(t, got, len(want))
		for k := range want {
			if k+1 < len(want) { // a sample lasts until the next one
				want[k].DurationTicks = want[k+1].DTS - want[k].DTS
			}
			require.Equal(t, want[k], got[k], "seed %d", seed)
		}
	}
	return len(text)
}

// The bound holds for any samples, and is near the size of the worst ones.
func TestAnIndexIsNeverLongerThanItsBound(t *testing.T) {
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 11))
		tracks := make([][]isobmff.Sample, 1+r.IntN(index.MaxTracks))
		for i := range tracks {
			tracks[i] = hostile(r, r.IntN(8))
		}
		tracks[0] = hostile(r, r.IntN(3*index.BlockSamples))
		require.NotZero(t, requireBound(t, seed, tracks), "seed %d", seed)
	}
	worst := 20_000
	n := requireBound(t, 0, [][]isobmff.Sample{hostile(rand.New(rand.NewPCG(1, 12)), worst)})
	t.Logf("the worst: %.1f bytes an access unit", float64(n)/float64(worst))
	require.Greater(t, n, 27*worst)
}

// The reader accepts all samples that an Encoder accepts, and returns the same numbers, however unlikely they are.
func TestSamplesAreRefusedOrKept(t *testing.T) {
	kept, refused := 0, 0
	for seed := range uint64(600) {
		r := rand.New(rand.NewPCG(seed, 13))
		tracks := make([][]isobmff.Sample, 1+r.IntN(3))
		for i := range tracks {
			tracks[i] = wild(r, r.IntN(300), 20+r.IntN(44))
		}
		if requireBound(t, seed, tracks) > 0 {
			kept++
		} else {
			refused++
		}
	}
	require.Greater(t, kept, 30)
	require.Greater(t, refused, 30)
}

// An Encoder accepts samples up to its limits, and refuses samples beyond them.
func TestSamplesAtTheLimits(t *testing.T) {
	const ticks, byteAt = math.MaxInt64 / 4, 1 << 60
	for name, c := range map[string]struct {
		samples []isobmff.Sample
		fits    bool
	}{
		"longest":           {[]isobmff.Sample{{DTS: -ticks, DurationTicks: ticks}}, true},
		"longer":            {[]isobmff.Sample{{DTS: -ticks, DurationTicks: ticks + 1}}, false},
		"step":              {[]isobmff.Sample{{DTS: -ticks}, {DTS: 1}}, false},
		"latest":            {[]isobmff.Sample{{DTS: ticks}}, true},
		"later":             {[]isobmff.Sample{{DTS: ticks, DurationTicks: 1}}, false},
		"step that wraps":   {[]isobmff.Sample{{DTS: 1}, {DTS: math.MinInt64}}, false},
		"end of the file":   {[]isobmff.Sample{{At: byteAt - 9, SizeBytes: 9}}, true},
		"behind the file":   {[]isobmff.Sample{{At: byteAt - 9, SizeBytes: 10}}, false},
		"offsets, extremes": {[]isobmff.Sample{{OffsetTicks: math.MinInt32}, {OffsetTicks: math.MaxInt32, SizeBytes: math.MaxUint32}}, true},
	} {
		require.Equal(t, c.fits, requireBound(t, 0, [][]isobmff.Sample{c.samples}) > 0, name)
	}
}
