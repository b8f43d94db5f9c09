package rtp

import (
	"bytes"
	"slices"
	"testing"

	"github.com/bluenviron/gortsplib/v5/pkg/format/rtpav1"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
)

// OBUs without sizes: a sequence header for 320x180, and frames.
var (
	sequenceAV1  = []byte{0x08, 0x00, 0x00, 0x00, 0x04, 0x3c, 0xfe, 0xcc, 0xda, 0xf9, 0x00, 0x40}
	keyAV1       = append([]byte{0x30, 0x10}, bytes.Repeat([]byte{1}, 300)...)
	interAV1     = append([]byte{0x30, 0x30}, bytes.Repeat([]byte{2}, 100)...)
	delimiterAV1 = []byte{0x10}
)

// sized returns OBUs with their sizes, one after another.
func sized(list ...[]byte) (out []byte) {
	for _, b := range list {
		out = append(out, b[0]|2)
		if n := len(b) - 1; n < 128 {
			out = append(out, byte(n))
		} else {
			out = append(out, byte(n)|0x80, byte(n>>7))
		}
		out = append(out, b[1:]...)
	}
	return out
}

// Temporal units in packets of any size are recorded with the sizes of their OBUs, and without temporal delimiters.
func TestAV1TemporalUnitsAreJoinedFromPackets(t *testing.T) {
	for _, size := range []int{20, 64, 1000} {
		e := rtpav1.Encoder{PayloadType: 96, PayloadMaxSize: size}
		require.NoError(t, e.Init())
		var parts []pictureParts
		for _, unit := range [][][]byte{{delimiterAV1, sequenceAV1, keyAV1}, {interAV1}, {interAV1, interAV1}} {
			packets, err := e.Encode(unit)
			require.NoError(t, err)
			for _, p := range packets {
				parts = append(parts, pictureParts{payload: p.Payload, end: p.Marker})
			}
		}
		b := newBench(t)
		b.pictures("av1", parts...)
		require.Empty(t, b.Publisher.Losses)
		require.Len(t, b.Publisher.Units, 3)
		for i, want := range [][]byte{sized(sequenceAV1, keyAV1), sized(interAV1), sized(interAV1, interAV1)} {
			require.Equal(t, [][]byte{want}, b.Publisher.Units[i].NALs)
			require.Equal(t, i == 0, b.Publisher.Units[i].AU.Sync)
		}
		require.Equal(t, []int{320, 180}, []int{b.Publisher.Sets[0][0].Width, b.Publisher.Sets[0][0].Height})
	}
}

// A temporal unit with a lost or a malformed packet is left out and counted. The units around it stay.
func TestABrokenAV1TemporalUnitIsLeftOut(t *testing.T) {
	key := pictureParts{payload: slices.Concat([]byte{0x20, byte(len(sequenceAV1))}, sequenceAV1, keyAV1), end: true}
	inter := pictureParts{payload: append([]byte{0x10}, interAV1...), end: true}
	for name, parts := range map[string][]pictureParts{
		"the middle is lost":                     {{payload: []byte{0x50, 0x30, 0x30}}, {lost: true}, {payload: []byte{0x90, 3}, end: true}},
		"the end is lost":                        {{payload: []byte{0x50, 0x30, 0x30}}, {lost: true, end: true}},
		"the beginning is lost":                  {{lost: true}, {payload: []byte{0x90, 3}, end: true}},
		"the last element does not end":          {{payload: []byte{0x50, 0x30, 0x30}, end: true}},
		"an element continues that was whole":    {{payload: []byte{0x10, 0x30, 0x30}}, {payload: []byte{0x90, 3}, end: true}},
		"an element does not continue":           {{payload: []byte{0x50, 0x30, 0x30}}, {payload: []byte{0x10, 0x30, 3}, end: true}},
		"an element is larger than the packet":   {{payload: []byte{0x00, 9, 0x30, 0x30}, end: true}},
		"the size of an element is cut":          {{payload: []byte{0x00, 0x80}, end: true}},
		"the forbidden bit is set in the header": {{payload: []byte{0x10, 0xb0, 1}, end: true}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.pictures("av1", append(append([]pictureParts{key, inter}, parts...), inter, inter)...)
			require.Len(t, b.Publisher.Of(codec.AV1), 4)
			require.EqualValues(t, 1, b.Publisher.Losses[media.DropDamaged])
			require.Positive(t, b.Publisher.Units[2].AU.Lost)
		})
	}
}

func FuzzAV1Packets(f *testing.F) {
	f.Add([]byte{0x50, 0x30, 0x30, 1}, []byte{0x80, 2, 1, 2, 3, 0x30, 1, 1})
	f.Fuzz(func(t *testing.T, first, second []byte) {
		b := newBench(t)
		key := pictureParts{payload: slices.Concat([]byte{0x20, byte(len(sequenceAV1))}, sequenceAV1, keyAV1), end: true}
		b.pictures("av1", pictureParts{payload: first}, pictureParts{payload: second, end: true}, key)
		require.NotEmpty(t, b.Publisher.Units)
	})
}
