package rtp

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
)

// The beginning of a key frame of 320x180, and of another frame.
var (
	keyVP9   = []byte{0x82, 0x49, 0x83, 0x42, 0x00, 0x13, 0xf0, 0x0b, 0x36, 0x00, 1, 2, 3}
	interVP9 = []byte{0x86, 0x00, 4, 5, 6}
)

// send passes payloads to a track as packets of pictures. A payload with end ends its picture.
type pictureParts struct {
	payload []byte
	end     bool
	lost    bool // the packet does not arrive
}

func (b *bench) pictures(name string, parts ...pictureParts) {
	b.T.Helper()
	f := Format{Name: name, Clock: VideoClockHz}
	c, err := f.Config(Options{})
	require.NoError(b.T, err)
	track, err := Add(b.Feed, c)
	require.NoError(b.T, err)
	picture := uint32(0)
	for seq, p := range parts {
		if !p.lost {
			h := rtp.Header{SequenceNumber: uint16(seq), Timestamp: picture * ticksOf, Marker: p.end}
			require.NoError(b.T, track.Packet(&rtp.Packet{Header: h, Payload: p.payload}, b.Now))
		}
		if p.end {
			picture++
			b.Now = b.Now.Add(time.Second / 25)
		}
	}
	track.Close()
	b.Feed.Close()
}

// Each form of the payload descriptor (RFC 9628, 4.2) leaves the same pictures.
func TestVP9PicturesAreJoinedFromPackets(t *testing.T) {
	for name, head := range map[string][]byte{
		"none": {0}, "picture ID of 7 bits": {0x80, 5}, "of 15 bits": {0x80, 0x80, 5}, "layers": {0x20, 0, 7},
		"flexible layers": {0x30, 0}, "references": {0x50, 3, 2}, "three references": {0x50, 3, 5, 2},
		"structure": {0x02, 0x38, 1, 64, 0, 180, 2, 128, 1, 104, 1, 0x04, 9},
	} {
		t.Run(name, func(t *testing.T) {
			with := func(flags byte, body []byte) []byte { return slices.Concat([]byte{head[0] | flags}, head[1:], body) }
			b := newBench(t)
			b.pictures("vp9",
				pictureParts{payload: with(0x08, keyVP9[:4])}, pictureParts{payload: with(0, keyVP9[4:11])}, pictureParts{payload: with(0x04, keyVP9[11:]), end: true},
				pictureParts{payload: with(0x0c, interVP9), end: true})
			require.Len(t, b.Publisher.Units, 2)
			require.Equal(t, [][]byte{keyVP9}, b.Publisher.Units[0].NALs)
			require.Equal(t, [][]byte{interVP9}, b.Publisher.Units[1].NALs)
			require.True(t, b.Publisher.Units[0].AU.Sync)
			require.False(t, b.Publisher.Units[1].AU.Sync)
			require.Empty(t, b.Publisher.Losses)
			require.Equal(t, 320, b.Publisher.Sets[0][0].Width)
		})
	}
}

// The layer frames of a picture become a superframe (annex B of the VP9 specification).
func TestVP9LayersBecomeASuperframe(t *testing.T) {
	b := newBench(t)
	b.pictures("vp9", pictureParts{payload: append([]byte{0x0c}, keyVP9...)}, pictureParts{payload: append([]byte{0x0c}, interVP9...), end: true})
	index := []byte{0xd9, 13, 0, 0, 0, 5, 0, 0, 0, 0xd9}
	require.Equal(t, [][]byte{slices.Concat(keyVP9, interVP9, index)}, b.Publisher.Units[0].NALs)
}

// A picture with a lost or a malformed packet is left out and counted. The pictures around it stay.
func TestABrokenVP9PictureIsLeftOut(t *testing.T) {
	key := pictureParts{payload: append([]byte{0x0c}, keyVP9...), end: true}
	inter := pictureParts{payload: append([]byte{0x0c}, interVP9...), end: true}
	for name, c := range map[string]struct {
		parts  []pictureParts
		losses map[string]uint64
	}{
		"the middle is lost": {[]pictureParts{{payload: []byte{0x08, 0x86, 0, 1}}, {lost: true}, {payload: []byte{0x04, 3}, end: true}},
			map[string]uint64{media.DropRTPLoss: 1, media.DropDamaged: 1}},
		"the end is lost": {[]pictureParts{{payload: []byte{0x08, 0x86, 0, 1}}, {lost: true, end: true}},
			map[string]uint64{media.DropRTPLoss: 1, media.DropDamaged: 1}},
		"the beginning is lost": {[]pictureParts{{lost: true}, {payload: []byte{0x04, 3}, end: true}},
			map[string]uint64{media.DropRTPLoss: 1, media.DropDamaged: 1}},
		"the descriptor is cut": {[]pictureParts{{payload: []byte{0x8c}, end: true}}, map[string]uint64{media.DropDamaged: 1}},
		"too many references":   {[]pictureParts{{payload: []byte{0x5c, 3, 3, 3, 0x86}, end: true}}, map[string]uint64{media.DropDamaged: 1}},
		"no end":                {[]pictureParts{{payload: []byte{0x08, 0x86, 0, 1}, end: true}}, map[string]uint64{media.DropDamaged: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.pictures("vp9", append(append([]pictureParts{key, inter}, c.parts...), inter, inter)...)
			require.Len(t, b.Publisher.Of(codec.VP9), 4)
			require.Equal(t, c.losses, b.Publisher.Losses)
			require.Positive(t, b.Publisher.Units[2].AU.Lost)
			for _, u := range b.Publisher.Units[1:] {
				require.True(t, bytes.Equal(u.NALs[0], interVP9))
			}
		})
	}
}

// Another size of the pictures is another description.
func TestAVP9SenderChangesItsSize(t *testing.T) {
	b := newBench(t)
	larger := bytes.Clone(keyVP9)
	larger[6] = 0xf1
	key := func(frame []byte) pictureParts {
		return pictureParts{payload: append([]byte{0x0c}, frame...), end: true}
	}
	b.pictures("vp9", key(keyVP9), key(keyVP9), key(larger), key(larger))
	require.Len(t, b.Publisher.Sets, 2)
	require.Equal(t, []int{1, 1, 2, 2}, []int{b.Publisher.Units[0].Set, b.Publisher.Units[1].Set, b.Publisher.Units[2].Set, b.Publisher.Units[3].Set})
}

func FuzzVP9Packets(f *testing.F) {
	f.Add([]byte{0x0c, 0x82, 0x49}, []byte{0x9a, 0x80, 1, 0x38, 1, 64, 0, 180, 2, 128, 1, 104, 1, 0x04, 9, 7})
	f.Fuzz(func(t *testing.T, first, second []byte) {
		b := newBench(t)
		b.pictures("vp9", pictureParts{payload: first}, pictureParts{payload: second, end: true}, pictureParts{payload: append([]byte{0x0c}, keyVP9...), end: true})
		require.NotEmpty(t, b.Publisher.Units)
	})
}
