package ingest

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec/nalunit"
)

// TestSpreadIsOrderPreserving gives groups of pictures one time each, in decoding orders of every depth, known or
// not: they are passed on in that order, with times evenly apart in presentation order.
func TestSpreadIsOrderPreserving(t *testing.T) {
	for depth := range 5 {
		for group := 1; group <= 4; group++ {
			for _, known := range []bool{true, false} {
				rnd := rand.New(rand.NewPCG(uint64(depth), uint64(group)))
				shown := reordered(rnd, depth, 120)
				var got []int64
				repaired := uint64(0)
				s := spread{repaired: func(n uint64) { repaired += n }}
				s.reset(depth, 90000)
				if !known {
					s.reset(nalunit.DepthUnknown, 90000)
				}
				out := func(u *Unit) { got = append(got, u.PTS) }
				for i, at := range shown {
					sent := int64(at/group*group)*3600 + int64(i%2) // some senders count on by a tick
					u := &Unit{PTS: sent, order: order{poc: uint32(2*at) & 63, pocBits: 6}}
					s.push(u, out)
					require.LessOrEqual(t, len(s.held), 12+group*(2*depth+2), "no more is held than must be")
				}
				s.flush(out)
				require.Len(t, got, 120)
				for i, at := range shown {
					require.InDelta(t, at*3600, got[i], 2, "depth %d, known %v, groups of %d, picture %d", depth, known, group, i)
				}
				require.EqualValues(t, 120-120/group, repaired)
			}
		}
	}
}

// reordered returns a decoding order in which at most depth pictures precede a picture that is presented before them.
func reordered(rnd *rand.Rand, depth, n int) (out []int) {
	var waiting []int
	for i := range n {
		waiting = append(waiting, i)
		if len(waiting) > depth {
			waiting = emit(&out, waiting, rnd)
		}
	}
	for len(waiting) > 0 {
		waiting = emit(&out, waiting, rnd)
	}
	return out
}

// emit passes on the picture that is presented last and then all others, or the first.
func emit(out *[]int, waiting []int, rnd *rand.Rand) []int {
	if len(waiting) > 1 && rnd.IntN(2) == 0 {
		last := len(waiting) - 1
		*out = append(*out, waiting[last])
		*out = append(*out, waiting[:last]...)
		return waiting[:0]
	}
	*out = append(*out, waiting[0])
	return slices.Delete(waiting, 0, 1)
}

// TestANetworkStallDoesNotCountAsAStandingClock stalls anywhere among reordered pictures: their times stay as sent.
func TestANetworkStallDoesNotCountAsAStandingClock(t *testing.T) {
	for _, shown := range [][]int{{0, 3, 1, 2, 6, 4, 5, 9, 7, 8, 12, 10, 11, 15, 13, 14}, {0, 4, 2, 1, 3, 8, 6, 5, 7, 12, 10, 9, 11, 16, 14, 13, 15}} {
		for stall := range shown {
			for _, depth := range []int{2, nalunit.DepthUnknown} {
				var got []int64
				s := spread{repaired: func(uint64) {}}
				s.reset(depth, 90000)
				out := func(u *Unit) { got = append(got, u.PTS) }
				for i, at := range shown {
					u := &Unit{PTS: int64(at) * 3600, MonoNS: int64(i) * 40e6, order: order{poc: uint32(2*at) & 63, pocBits: 6}}
					if i >= stall {
						u.MonoNS += 3e9
					}
					s.push(u, out)
				}
				s.flush(out)
				for i, at := range shown {
					require.EqualValues(t, at*3600, got[i], "a stall before picture %d, depth %d", stall, depth)
				}
			}
		}
	}
}
