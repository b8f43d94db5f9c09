package ingesttest

import (
	"math/rand/v2"
	"testing"

	"github.com/bluenviron/gortsplib/v5/pkg/format/rtph264"
	"github.com/bluenviron/gortsplib/v5/pkg/format/rtph265"
	"github.com/pion/rtp"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/codec/nalunit"
	"github.com/gospool/spool/pipeline/media"
)

// Frames264 returns n H.264 frames of two slices each, which a decoder can decode. The first frame is an IDR picture.
func Frames264(n int) (out [][][]byte) {
	for i := range n {
		c := Coded{Kind: 1, Ref: true, FrameNum: uint32(i), POC: uint32(2 * i), Level: byte(16 + 3*i)}
		if i == 0 {
			c.Kind = 5
		}
		a, b := c, c
		a.Count, b.First = 2, 2
		out = append(out, [][]byte{a.NAL(false), b.NAL(false)})
	}
	return out
}

// OddPictures returns n key pictures of two slices each. The slices are cut short, so a decoder cannot decode them.
func OddPictures(coding media.Codec, n int) (out [][][]byte) {
	if coding == codec.H265 {
		for i := range n {
			out = append(out, [][]byte{{19 << 1, 1, 0x81, byte(i), 1}, {19 << 1, 1, 0x41, byte(i), 1}})
		}
		return out
	}
	for i := range n {
		c := Coded{Kind: 5, IDRID: uint32(i % 2), Count: 2}
		d := c
		d.First = 2
		out = append(out, [][]byte{c.NAL(false)[:40], d.NAL(false)[:40]})
	}
	return out
}

// Pictures returns n key pictures of one to four slices of random sizes and bytes. Every third picture begins with
// two SEI NAL units. A decoder cannot decode them.
func Pictures(rnd *rand.Rand, coding media.Codec, n int) (out [][][]byte) {
	for i := range n {
		var au [][]byte
		for s := range 1 + rnd.IntN(4) {
			body := make([]byte, 3+rnd.IntN(4000))
			for j := range body {
				body[j] = byte(1 + rnd.IntN(255)) // no zero byte, so no start code
			}
			head := (&bitWriter{}).ue(uint32(s)).ue(7).ue(0).put(0, 4).ue(uint32(i%2)).put(0, 8).ue(0).nal(0x65)
			if coding == codec.H265 {
				head = []byte{19 << 1, 1, 0x81}
				if s > 0 {
					head[2] = 0x41
				}
			}
			au = append(au, append(head, body...))
		}
		if i%3 == 0 { // small NAL units that share one packet
			au = append([][]byte{SEIOf(coding, byte(i)), SEIOf(coding, byte(i+1))}, au...)
		}
		out = append(out, au)
	}
	return out
}

// SEIOf returns a small SEI NAL unit that contains an id, whose lowest bit it sets.
func SEIOf(coding media.Codec, id byte) []byte {
	if coding == codec.H265 {
		return []byte{39 << 1, 1, 5, 1, id | 1, 0x80}
	}
	return []byte{6, 5, 1, id | 1, 0x80}
}

// Packetize packs an access unit into RTP packets, as gortsplib does.
func Packetize(t *testing.T, coding media.Codec, au [][]byte) (out []*rtp.Packet) {
	t.Helper()
	var err error
	if coding == codec.H265 {
		e := rtph265.Encoder{PayloadType: 96}
		require.NoError(t, e.Init())
		out, err = e.Encode(au)
	} else {
		e := rtph264.Encoder{PayloadType: 96, PacketizationMode: 1}
		require.NoError(t, e.Init())
		out, err = e.Encode(au)
	}
	require.NoError(t, err)
	return OneSender(out)
}

// OneSender sets the SSRC of all packets to 0, because each encoder chooses its own, and returns packets.
func OneSender(packets []*rtp.Packet) []*rtp.Packet {
	for _, p := range packets {
		p.SSRC = 0
	}
	return packets
}

// Flat returns the NAL units of access units in one list.
func Flat(aus [][][]byte) (out [][]byte) {
	for _, au := range aus {
		out = append(out, au...)
	}
	return out
}

// PictureOf returns the slices of an access unit. It leaves out SEI: its loss before a picture cannot be noticed.
func PictureOf(coding media.Codec, au [][]byte) (out [][]byte) {
	for _, nal := range au {
		if r := codec.Of(coding).NAL.Role(nal); r == nalunit.RoleKey || r == nalunit.RolePicture {
			out = append(out, nal)
		}
	}
	return out
}

// SetsOf returns parameter sets for the pictures of this package: without reordering for H.264, and those of x265 for
// H.265.
func SetsOf(coding media.Codec) [][]byte {
	if coding == codec.H265 {
		return [][]byte{VPSX265, HEVC25, PPSX265}
	}
	sps, pps := CodedSets(false)
	return [][]byte{sps, pps}
}

// Begins of H.264 slices: the first slice of an IDR picture, a later slice of that picture, and the slice of a P
// picture.
var (
	IDR      = []byte{0x65, 0x88, 1}
	IDRLater = []byte{0x65, 0x08, 1}
	PSlice   = []byte{0x41, 0x9a, 2}
)
