package media

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

const second = int64(1e9)

// follow returns the anchors of a file with one chunk per second, whose wall clock is off by a function of the second.
func follow(seconds, speed int64, off func(s int64) int64) Anchors {
	var k Anchoring
	for s := range seconds {
		k.See(s*second, start+s*second*max(speed, 1)+off(s), speed)
	}
	return k.Anchors(seconds*second, speed)
}

const start = int64(1_700_000_000_123_456_789)

func TestAnchorsOfASteadyClockAreTwo(t *testing.T) {
	a := follow(3600, 0, func(s int64) int64 { return s % 7 * 9_000_000 }) // jitter below the tolerance
	require.Equal(t, Anchors{{0, start}, {3600 * second, start + 3600*second}}, a)
	require.Equal(t, start+17, a.At(17))
	require.EqualValues(t, 17, a.Media(start+17))
	require.Equal(t, start-5, a.At(-5), "sound that begins before the pictures")
	require.Equal(t, start+3601*second, a.At(3601*second))
	require.Empty(t, (&Anchoring{}).Anchors(5, 0))
	require.EqualValues(t, 5, Anchors(nil).At(5))
	require.EqualValues(t, 5, Anchors(nil).Media(5))
}

func TestAnchorsFollowADrift(t *testing.T) {
	drift := func(s int64) int64 { return s * 100_000 } // 100 ppm: 8.6 s a day
	a := follow(86400, 0, drift)
	require.LessOrEqual(t, len(a), MaxAnchors)
	require.Greater(t, len(a), 10)
	require.True(t, a.WellFormed())
	for s := int64(0); s < 86400; s += 11 {
		require.InDelta(t, start+s*second+drift(s), a.At(s*second), 200e6, "second %d", s)
	}
}

func TestAnchorsHaveBothSidesOfAStep(t *testing.T) {
	for _, step := range []int64{second / 2, -second / 2, 40 * second} {
		off := func(s int64) int64 {
			if s >= 1800 {
				return step
			}
			return 0
		}
		a := follow(3600, 0, off)
		require.Len(t, a, 4)
		for _, s := range []int64{0, 900, 1799, 1800, 1801, 3599} {
			require.Equal(t, start+s*second+off(s), a.At(s*second), "step %d, second %d", step, s)
			require.Equal(t, s*second, a.Media(start+s*second+off(s)), "step %d, second %d", step, s)
		}
	}
}

// If the clock is set back by more than a chunk's duration, two moments would have the same time.
func TestAnchorsOnlyGrow(t *testing.T) {
	a := follow(3600, 0, func(s int64) int64 {
		if s >= 1800 {
			return -10 * second
		}
		return 0
	})
	require.True(t, a.WellFormed())
	require.Equal(t, start+1799*second, a.At(1799*second))
	require.InDelta(t, start+1799*second, a.At(1805*second), 200e6, "it stands")
	require.InDelta(t, start+1990*second, a.At(2000*second), 200e6)
}

func TestAnchorsAreBounded(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	walk := int64(0)
	a := follow(50_000, 0, func(int64) int64 { walk += r.Int64N(second) - second/2; return walk })
	require.LessOrEqual(t, len(a), MaxAnchors)
	require.Greater(t, len(a), MaxAnchors/4)
	require.True(t, a.WellFormed())
	require.Zero(t, a[0].MediaNS)
	require.Equal(t, 50_000*second, a[len(a)-1].MediaNS)
}

func TestAnchorsOfATimeLapse(t *testing.T) {
	a := follow(60, 30, func(int64) int64 { return 0 })
	require.Equal(t, Anchors{{0, start}, {60 * second, start + 1800*second}}, a)
	require.Equal(t, start+900*second, a.At(30*second))
	require.Equal(t, 30*second, a.Media(start+900*second))
}

// TestAnchorsMapExactly checks for random anchors that both mappings are monotonic and inverse to each other.
func TestAnchorsMapExactly(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		a := Anchors{{0, start}}
		for range 1 + r.IntN(6) {
			last, media := a[len(a)-1], 1+r.Int64N(40*second)
			wall := 1 + media/2 + r.Int64N(media+1)
			if r.IntN(2) == 0 {
				wall = media + r.Int64N(media+1)
			}
			a = append(a, Anchor{last.MediaNS + media, last.UTC + wall})
		}
		end := a[len(a)-1].MediaNS
		before := a.At(-2)
		for m := int64(-1); m < end+2*second; m += 1 + r.Int64N(end/60+2) {
			utc := a.At(m)
			require.Greater(t, utc, before-1)
			before = utc
			back := a.Media(utc)
			require.LessOrEqual(t, back, m)
			require.Equal(t, utc, a.At(back), "%v at %d", a, m)
			require.Less(t, a.At(back-1), utc, "it is the first")
		}
	}
}

func TestThinKeepsTheStep(t *testing.T) {
	a := Anchors{{0, 0}, {10, 10}, {20, 20}, {21, 500}, {30, 509}, {40, 519}}
	require.Equal(t, Anchors{{0, 0}, {20, 20}, {21, 500}, {40, 519}}, a.Thin(4))
	require.Equal(t, Anchors{{0, 0}, {40, 519}}, a.Thin(0))
}
