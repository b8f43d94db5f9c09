package ingest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
)

// fieldPairs is n frames of two fields each; every third frame is no reference,
// and has its number from the one behind it.
func fieldPairs(n int, bottomFirst bool) (out [][][]byte) {
	num := uint32(0)
	for i := range n {
		ref := i%3 != 1
		c := coded{kind: 1, ref: ref, field: true, bottom: bottomFirst, frameNum: num, poc: uint32(2 * i), level: byte(16 + 2*i)}
		d := c
		if i == 0 {
			c.kind = 5
		}
		d.bottom, d.poc, d.level = !bottomFirst, c.poc+1, c.level+1
		out = append(out, [][]byte{c.nal(true), d.nal(true)})
		if ref {
			num++
		}
	}
	return out
}

// TestTwoFieldsAreOneSample sends fields in every way in which the two of a frame
// may be stamped and ended.
func TestTwoFieldsAreOneSample(t *testing.T) {
	sps, pps := codedSets(true)
	stream := append([][]byte{sps, pps}, flat(fieldPairs(20, false))...)
	require.Len(t, frameHashes(t, "h264", stream...), 20, "a decoder finds a frame in two fields")
	for name, tc := range map[string]struct {
		group       int // of fields under one time
		marker      func(field int) bool
		bottomFirst bool
	}{
		"one time, a marker behind the frame":     {2, func(f int) bool { return f%2 == 1 }, false},
		"one time, a marker behind each field":    {2, func(int) bool { return true }, false},
		"one time, no marker, bottom field first": {2, func(int) bool { return false }, true},
		"a time for each field":                   {1, func(int) bool { return true }, false},
		"two frames under one time":               {4, func(f int) bool { return f%2 == 1 }, false},
		"two frames under one time, all markers":  {4, func(int) bool { return true }, false},
		"two frames under one time, no marker":    {4, func(int) bool { return false }, true},
	} {
		t.Run(name, func(t *testing.T) {
			frames := fieldPairs(20, tc.bottomFirst)
			b := newBench(t)
			v := b.video(codec.H264, sps, pps)
			for i, nal := range flat(frames) {
				for _, p := range packetize(t, codec.H264, [][]byte{nal}) {
					b.send(v, uint32(i/tc.group*tc.group)*1800, p.Marker && tc.marker(i), p.Payload...)
				}
			}
			v.Close()
			b.feed.Close()
			require.Empty(t, b.shelf.lost)
			require.Len(t, b.shelf.units, 20)
			for i, u := range b.shelf.units {
				require.Equal(t, hashOf(frames[i]), hashOf(u.nals))
				require.Equal(t, int64(i)*3600, u.au.PTS)
				require.Equal(t, i == 0, u.au.Sync)
			}
		})
	}
}

// TestALossGluesNoFields loses one field after another: its frame is left out, and
// the other frames are those that were sent.
func TestALossGluesNoFields(t *testing.T) {
	frames := fieldPairs(12, false)
	sps, pps := codedSets(true)
	for _, oneTime := range []bool{true, false} {
		for lost := 2; lost < 23; lost++ {
			b := newBench(t)
			v := b.video(codec.H264, sps, pps)
			for i, nal := range flat(frames) {
				at := uint32(i) * 1800
				if oneTime {
					at = uint32(i/2*2) * 1800
				}
				for _, p := range packetize(t, codec.H264, [][]byte{nal}) {
					if i == lost {
						b.seq[v]++
						continue
					}
					b.send(v, at, p.Marker, p.Payload...)
				}
			}
			v.Close()
			b.feed.Close()
			came := map[int64]bool{}
			for _, u := range b.shelf.units {
				require.Equal(t, hashOf(frames[u.au.PTS/3600]), hashOf(u.nals), "field %d lost", lost)
				came[u.au.PTS/3600] = true
			}
			for i := range frames {
				require.Equal(t, i != lost/2, came[int64(i)], "field %d lost, frame %d", lost, i)
			}
		}
	}
}
