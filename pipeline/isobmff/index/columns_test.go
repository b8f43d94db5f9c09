package index_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/isobmff/index"
)

// TestColumnsHaveTheSamplesOfTheirPlace checks that columns of any length, from any sample on, have the samples of the track, in an index that
// is in memory too.
func TestColumnsHaveTheSamplesOfTheirPlace(t *testing.T) {
	for name, s := range shapes {
		f := filmOf(s, 40, 9)
		b := encode(t, f)
		kept, err := index.OpenBytes(b)
		require.NoError(t, err)
		require.NoError(t, kept.Check())
		for _, x := range []*index.Index{open(t, b), kept} {
			r := rand.New(rand.NewPCG(3, 3))
			for track, want := range [][]isobmff.Sample{f.video, f.audio} {
				for range 5 {
					n := r.Int64N(int64(len(want)) + 1)
					require.Equal(t, want[n:], columns(t, x.Samples(track, n), r), "%s from sample %d", name, n)
				}
			}
		}
	}
}

// columns returns the samples that a cursor still has, some of them as columns.
func columns(t *testing.T, c *index.Cursor, r *rand.Rand) []isobmff.Sample {
	t.Helper()
	out := []isobmff.Sample{}
	for {
		if r.IntN(2) == 0 {
			var s isobmff.Sample
			ok, err := c.Next(&s)
			require.NoError(t, err)
			if !ok {
				return out
			}
			out = append(out, s)
		}
		most := 1 + r.Int64N(400)
		k, err := c.Columns(most)
		require.NoError(t, err)
		if len(k.Sizes) == 0 {
			return out
		}
		require.LessOrEqual(t, int64(len(k.Sizes)), most)
		dts := k.DTS
		for i, d := range k.Durations {
			out = append(out, isobmff.Sample{DTS: dts, DurationTicks: d, OffsetTicks: int32(k.Offsets[i]), SizeBytes: uint32(k.Sizes[i]), Sync: k.Sync[i], At: k.Places[i]})
			dts += d
		}
	}
}

// TestAnIndexInMemoryIsChecked checks that an index that is cut or changed is refused, or fails a check.
func TestAnIndexInMemoryIsChecked(t *testing.T) {
	b := encode(t, filmOf(shapes["variable rate, B frames"], 12, 4))
	for n := 0; n < len(b); n += 7 {
		_, err := index.OpenBytes(b[:n])
		require.ErrorIs(t, err, index.ErrDamaged, "%d bytes", n)
	}
	for at := 0; at < len(b); at += 7 {
		b[at] ^= 1 << (at % 8)
		x, err := index.OpenBytes(b)
		if err == nil {
			err = x.Check()
		}
		require.ErrorIs(t, err, index.ErrDamaged, "byte %d", at)
		b[at] ^= 1 << (at % 8)
	}
}
