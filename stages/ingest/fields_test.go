package ingest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/stages/ingest/ingesttest"
)

// fieldPairs returns n frames of two fields each; every third frame is no reference, and takes its number from the
// next one.
func fieldPairs(n int, bottomFirst bool) (out [][][]byte) {
	num := uint32(0)
	for i := range n {
		ref := i%3 != 1
		c := ingesttest.Coded{Kind: 1, Ref: ref, Field: true, Bottom: bottomFirst, FrameNum: num, POC: uint32(2 * i), Level: byte(16 + 2*i)}
		d := c
		if i == 0 {
			c.Kind = 5
		}
		d.Bottom, d.POC, d.Level = !bottomFirst, c.POC+1, c.Level+1
		out = append(out, [][]byte{c.NAL(true), d.NAL(true)})
		if ref {
			num++
		}
	}
	return out
}

// TestTwoFieldsAreOneSample sends fields in every way in which a sender may stamp and end the two of a frame.
func TestTwoFieldsAreOneSample(t *testing.T) {
	sps, pps := ingesttest.CodedSets(true)
	stream := append([][]byte{sps, pps}, ingesttest.Flat(fieldPairs(20, false))...)
	require.Len(t, ingesttest.FrameHashes(t, "h264", stream...), 20, "a decoder finds a frame in two fields")
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
			v := b.Video(codec.H264, sps, pps)
			for i, nal := range ingesttest.Flat(frames) {
				for _, p := range ingesttest.Packetize(t, codec.H264, [][]byte{nal}) {
					b.Send(v, uint32(i/tc.group*tc.group)*1800, p.Marker && tc.marker(i), p.Payload...)
				}
			}
			v.Close()
			b.Feed.Close()
			require.Empty(t, b.Publisher.Losses)
			require.Len(t, b.Publisher.Units, 20)
			for i, u := range b.Publisher.Units {
				require.Equal(t, ingesttest.HashOf(frames[i]), ingesttest.HashOf(u.NALs))
				require.Equal(t, int64(i)*3600, u.AU.PTS)
				require.Equal(t, i == 0, u.AU.Sync)
			}
		})
	}
}

// TestALossGluesNoFields loses one field after another: its frame is left out, and the other frames arrive as sent.
func TestALossGluesNoFields(t *testing.T) {
	frames := fieldPairs(12, false)
	sps, pps := ingesttest.CodedSets(true)
	for _, oneTime := range []bool{true, false} {
		for lost := 2; lost < 23; lost++ {
			b := newBench(t)
			v := b.Video(codec.H264, sps, pps)
			for i, nal := range ingesttest.Flat(frames) {
				at := uint32(i) * 1800
				if oneTime {
					at = uint32(i/2*2) * 1800
				}
				for _, p := range ingesttest.Packetize(t, codec.H264, [][]byte{nal}) {
					if i == lost {
						b.Seq[v]++
						continue
					}
					b.Send(v, at, p.Marker, p.Payload...)
				}
			}
			v.Close()
			b.Feed.Close()
			came := map[int64]bool{}
			for _, u := range b.Publisher.Units {
				require.Equal(t, ingesttest.HashOf(frames[u.AU.PTS/3600]), ingesttest.HashOf(u.NALs), "field %d lost", lost)
				came[u.AU.PTS/3600] = true
			}
			for i := range frames {
				require.Equal(t, i != lost/2, came[int64(i)], "field %d lost, frame %d", lost, i)
			}
		}
	}
}
