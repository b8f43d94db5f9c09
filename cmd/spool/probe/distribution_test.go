package probe

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
)

func TestDistributionOfFewDifferentNumbersIsExact(t *testing.T) {
	var d distribution
	require.Zero(t, d.median())
	require.Zero(t, d.deviation(1))
	for _, v := range []int64{4, 2, 2, 9, 4, 4} {
		d.add(v)
	}
	require.Equal(t, []int64{6, 25, 2, 9, 4}, []int64{d.n, d.sum, d.least, d.most, d.median()})
	require.Equal(t, int64(4), d.from(4))
	require.InDelta(t, math.Sqrt(0.96), d.deviation(9), 1e-9) // of 2, 2, 4, 4, 4
}

// Many different numbers take no more memory, and the median is off by no more than the width.
func TestDistributionOfManyDifferentNumbersIsBounded(t *testing.T) {
	var d distribution
	var all []int64
	random := rand.New(rand.NewPCG(1, 2))
	for range 200_000 {
		v := 1 + random.Int64N(1_000_000)
		all = append(all, v)
		d.add(v)
	}
	slices.Sort(all)
	require.LessOrEqual(t, len(d.counts), maxDistinct)
	require.InDelta(t, all[len(all)/2], d.median(), float64(d.width))
	require.Equal(t, []int64{all[0], all[len(all)-1]}, []int64{d.least, d.most})
}

// An access unit takes no memory, so that the length of a file does not matter.
func TestAccessUnitsTakeNoMemory(t *testing.T) {
	p := newTrackProbe(&media.Track{Codec: codec.H264, Timescale: 1000}, 1, 0)
	n := int64(0)
	add := func() {
		n++
		p.add(unit{dts: n * 40, duration: 40, bytes: 100, sync: n%25 == 1, offset: 80 * (n % 3)}, func() bool { return true })
	}
	for range 1000 {
		add()
	}
	require.Zero(t, testing.AllocsPerRun(100_000, add))
}
