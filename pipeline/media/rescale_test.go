package media

import (
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// exactRescale is the definition in unbounded arithmetic.
func exactRescale(ticks int64, from, to uint32) int64 {
	n := new(big.Int).Mul(big.NewInt(ticks), big.NewInt(int64(to)))
	neg := n.Sign() < 0
	n.Abs(n)
	n.Lsh(n, 1).Add(n, big.NewInt(int64(from)))
	n.Quo(n, new(big.Int).Lsh(big.NewInt(int64(from)), 1)) // floor(x + 1/2)
	if neg {
		n.Neg(n)
	}
	switch {
	case n.IsInt64():
		return n.Int64()
	case neg:
		return math.MinInt64
	}
	return math.MaxInt64
}

var edgeTicks = []int64{
	0, 1, -1, 2, 3, -3, 1023, 90000, math.MaxInt32, math.MinInt32, 1 << 33, 1<<62 - 1, 1 << 62, -1 << 62,
	math.MaxInt64 - 1, math.MaxInt64, math.MinInt64 + 1, math.MinInt64,
}

var edgeScales = []uint32{1, 2, 3, 7, 25, 1000, 44100, 48000, 90000, 1e9, 1<<31 - 1, 1 << 31, math.MaxUint32 - 1, math.MaxUint32}

func TestRescaleAtTheEdges(t *testing.T) {
	for _, from := range edgeScales {
		for _, to := range edgeScales {
			for _, ticks := range edgeTicks {
				require.Equal(t, exactRescale(ticks, from, to), Rescale(ticks, from, to), "%d from %d to %d", ticks, from, to)
			}
		}
	}
}

func TestRescaleEverySmallValue(t *testing.T) {
	for from := uint32(1); from <= 12; from++ {
		for to := uint32(1); to <= 12; to++ {
			for ticks := int64(-100); ticks <= 100; ticks++ {
				if got, want := Rescale(ticks, from, to), exactRescale(ticks, from, to); got != want {
					t.Fatalf("%d from %d to %d: %d, want %d", ticks, from, to, got, want)
				}
			}
		}
	}
}

func TestRescaleIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ticks := rapid.Int64().Draw(t, "ticks")
		from := rapid.Uint32Min(1).Draw(t, "from")
		to := rapid.Uint32().Draw(t, "to")
		require.Equal(t, exactRescale(ticks, from, to), Rescale(ticks, from, to))
	})
}

func TestRescaleKeepsOrderAndComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.Int64Range(-1<<50, 1<<50).Draw(t, "a")
		b := rapid.Int64Range(-1<<50, 1<<50).Draw(t, "b")
		scale := rapid.Uint32Range(1, nanoseconds).Draw(t, "scale")
		if a <= b {
			require.LessOrEqual(t, ToNanos(a, scale), ToNanos(b, scale))
		}
		small := a >> 20 // where nanoseconds do not overflow, a finer scale loses nothing
		require.Equal(t, small, FromNanos(ToNanos(small, scale), scale))
	})
}

func FuzzRescale(f *testing.F) {
	f.Fuzz(func(t *testing.T, ticks int64, from, to uint32) {
		if from == 0 {
			return // a track has a timescale
		}
		require.Equal(t, exactRescale(ticks, from, to), Rescale(ticks, from, to))
	})
}
