package ingest

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/gospool/spool/pipeline/codec/nalunit"
)

// run pushes presentation times and returns the decoding times.
func run(r *decodingTimes, pts []int64) (dts []int64) {
	out := func(u *Unit) { dts = append(dts, u.DTS) }
	for _, t := range pts {
		r.push(&Unit{PTS: t}, out)
	}
	r.flush(out)
	return dts
}

func withDepth(depth int) *decodingTimes {
	r := &decodingTimes{}
	r.reset(depth, 90000)
	return r
}

// TestDecodingTimesAreTheEncoders replays the output of x264 -bf 3 for 25 frames a second: times in decoding order,
// two pictures ahead.
func TestDecodingTimesAreTheEncoders(t *testing.T) {
	pts := []int64{0, 14400, 7200, 3600, 10800, 28800, 21600, 18000, 25200}
	dts := []int64{-7200, -3600, 0, 3600, 7200, 10800, 14400, 18000, 21600}
	require.Equal(t, dts, run(withDepth(2), pts))
	require.Equal(t, dts, run(withDepth(nalunit.DepthUnknown), pts), "depth observed")
}

func TestOutputOrderNeedsNoDelay(t *testing.T) {
	r := withDepth(0)
	var got *Unit
	r.push(&Unit{PTS: 100}, func(u *Unit) { got = u })
	require.NotNil(t, got)
	require.Equal(t, int64(100), got.DTS)
}

// TestDecodingTimesOfAnyOrder checks that for any frame durations and any reordering within the depth, decoding times
// advance, do not pass presentation, and equal an encoder's.
func TestDecodingTimesOfAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		depth := rapid.IntRange(0, 5).Draw(t, "depth")
		shown := []int64{rapid.Int64Range(-1e9, 1e9).Draw(t, "start")}
		for range rapid.IntRange(2*depth, 60).Draw(t, "frames") {
			shown = append(shown, shown[len(shown)-1]+rapid.Int64Range(1, 9000).Draw(t, "duration"))
		}
		coded := shuffle(t, shown, depth)
		got := run(withDepth(depth), coded)
		for i := range coded {
			want := int64(0)
			if i < depth {
				want = shown[i] - (shown[depth] - shown[0])
			} else {
				want = shown[i-depth]
			}
			require.Equal(t, want, got[i], "unit %d", i)
			require.LessOrEqual(t, got[i], coded[i])
		}
	})
}

// shuffle returns a decoding order in which at most depth frames precede a frame that is presented before them. The
// first remaining one has waitedNS longest.
func shuffle(t *rapid.T, shown []int64, depth int) (coded []int64) {
	left := slices.Clone(shown)
	for len(left) > 0 {
		ahead := 0
		for _, c := range coded {
			if c > left[0] {
				ahead++
			}
		}
		k := 0
		if ahead < depth {
			k = rapid.IntRange(0, min(4, len(left)-1)).Draw(t, "pick")
		}
		coded = append(coded, left[k])
		left = slices.Delete(left, k, k+1)
	}
	return coded
}

func TestAnUnderstatedDepthHurtsForAMomentOnly(t *testing.T) {
	pts := []int64{0, 14400, 7200, 3600, 10800}
	for i := range int64(40) {
		base := 14400 * (i + 1)
		pts = append(pts, base+14400, base+7200, base+3600, base+10800)
	}
	got := run(withDepth(0), pts)
	for i := 1; i < len(got); i++ {
		require.Greater(t, got[i], got[i-1])
	}
	for i := 20; i < len(got); i++ {
		require.Equal(t, int64(3600), got[i]-got[i-1], "unit %d", i)
		require.LessOrEqual(t, got[i], pts[i])
	}
}

func TestTimesThatBreakTheLine(t *testing.T) {
	r := withDepth(0)
	run(r, []int64{0, 3600, 7200})
	require.False(t, r.breaks(&Unit{PTS: 10800}))
	require.False(t, r.breaks(&Unit{PTS: 5000}), "a picture of unknown depth")
	require.True(t, r.breaks(&Unit{PTS: 5000, sync: true}), "nothing is shown before a key frame that follows it")
	require.True(t, r.breaks(&Unit{PTS: 7200 + 11*90000}))
	require.True(t, r.breaks(&Unit{PTS: 7200 - 11*90000}))
}

// FuzzReorder checks that for any times decoding time advances and no unit is lost.
func FuzzReorder(f *testing.F) {
	f.Add(int8(2), []byte{0, 4, 2, 1, 3})
	f.Add(int8(-1), []byte{255, 0, 254, 1, 128, 7})
	f.Add(int8(0), []byte{0, 4, 2, 1, 3, 8, 6, 5, 7})
	f.Fuzz(func(t *testing.T, depth int8, steps []byte) {
		var pts []int64 // each time once: units of one time are joined before
		for _, s := range steps {
			if at := int64(s) * 3600; !slices.Contains(pts, at) {
				pts = append(pts, at)
			}
		}
		got := run(withDepth(max(-1, min(int(depth), maxDepth))), pts)
		require.Len(t, got, len(pts))
		for i := 1; i < len(got); i++ {
			require.Greater(t, got[i], got[i-1])
		}
	})
}
