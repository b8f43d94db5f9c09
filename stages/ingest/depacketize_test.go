package ingest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/bluenviron/gortsplib/v5/pkg/format/rtph264"
	"github.com/bluenviron/gortsplib/v5/pkg/format/rtph265"
	"github.com/pion/rtp"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
)

// pictures makes access units of one to four slices, small and large.
func pictures(rnd *rand.Rand, coding media.Codec, n int) (out [][][]byte) {
	for i := range n {
		var au [][]byte
		for s := range 1 + rnd.IntN(4) {
			body := make([]byte, 3+rnd.IntN(4000))
			for j := range body {
				body[j] = byte(1 + rnd.IntN(255)) // no start code
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
		if i%3 == 0 { // what is sent together in one packet
			au = append([][]byte{seiOf(coding, byte(i)), seiOf(coding, byte(i+1))}, au...)
		}
		out = append(out, au)
	}
	return out
}

func seiOf(coding media.Codec, id byte) []byte {
	if coding == codec.H265 {
		return []byte{39 << 1, 1, 5, 1, id | 1, 0x80}
	}
	return []byte{6, 5, 1, id | 1, 0x80}
}

func packetize(t *testing.T, coding media.Codec, au [][]byte) (out []*rtp.Packet) {
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
	return oneSender(out)
}

// oneSender gives packets one SSRC: each encoder chooses its own.
func oneSender(packets []*rtp.Packet) []*rtp.Packet {
	for _, p := range packets {
		p.SSRC = 0
	}
	return packets
}

func (b *bench) of(coding media.Codec) *RTPTrack {
	if coding == codec.H265 {
		return b.video(coding, vpsX265, hevc0, ppsX265)
	}
	sps, pps := codedSets(false)
	return b.video(coding, sps, pps)
}

// hevc0 is an SPS of a stream without reordering.
var hevc0 = fromHex("42010101600000030090000003000003003ca00a080b9f796566924caf016808000003000800000300c840")

// TestEveryPackingComesBackWhole sends pictures as gortsplib packs them, over a
// wrap of the sequence numbers, alone or in pairs under one time, with all markers
// or none, and loses packets: what comes is whole, and all that no loss touched
// comes.
func TestEveryPackingComesBackWhole(t *testing.T) {
	for _, coding := range []media.Codec{codec.H264, codec.H265} {
		for _, lossPercent := range []int{0, 2, 15} {
			for _, group := range []int{1, 2} {
				for _, markers := range []bool{true, false} {
					t.Run(fmt.Sprint(coding, ", ", lossPercent, " % lost, in groups of ", group, ", markers ", markers), func(t *testing.T) {
						packing(t, coding, lossPercent, group, markers)
					})
				}
			}
		}
	}
}

func packing(t *testing.T, coding media.Codec, lossPercent, group int, markers bool) {
	rnd := rand.New(rand.NewPCG(7, uint64(lossPercent)))
	aus := pictures(rnd, coding, 100)
	b := newBench(t)
	track := b.of(coding)
	seq, lost, touched, number := uint16(65400), uint64(0), map[int]bool{}, map[string]int{}
	for i, au := range aus {
		number[hashOf(pictureOf(coding, au))] = i
		for _, p := range packetize(t, coding, au) {
			p.SequenceNumber, p.Timestamp, p.Marker = seq, uint32(i/group*group)*3600, p.Marker && markers
			seq++
			if rnd.IntN(100) < lossPercent && i > 1 && i < len(aus)-1 {
				lost++
				touched[i] = true
				continue
			}
			require.NoError(t, track.Packet(p, b.now))
		}
	}
	track.Close()
	b.feed.Close()
	require.Equal(t, lost, b.shelf.lost[media.DropRTPLoss])
	came := map[int]bool{}
	for _, u := range b.shelf.units {
		i, known := number[hashOf(pictureOf(coding, u.nals))]
		require.True(t, known, "a picture is stored in part, or two as one")
		came[i] = true
		if !touched[i] {
			require.Equal(t, hashOf(aus[i]), hashOf(u.nals), "picture %d", i)
		}
		if lost == 0 {
			require.Equal(t, int64(i)*3600, u.au.PTS)
		}
	}
	for i := range aus {
		behind := !markers && touched[i+1] // without a marker a loss may be of either
		require.True(t, came[i] || touched[i] || behind, "picture %d lost nothing but is missing", i)
	}
}

// pictureOf leaves SEI out: that one was lost before a picture can't be known.
func pictureOf(coding media.Codec, au [][]byte) (out [][]byte) {
	for _, nal := range au {
		if r := codec.Of(coding).NAL.Role(nal); r == codec.RoleKey || r == codec.RolePicture {
			out = append(out, nal)
		}
	}
	return out
}

func TestStartCodesInPayloads(t *testing.T) {
	annexB := func(nals ...[]byte) (out []byte) {
		for _, n := range nals {
			out = append(append(out, 0, 0, 0, 1), n...)
		}
		return out
	}
	for name, payload := range map[string][]byte{
		"before a slice":               annexB(idr),
		"sets and slice in one":        annexB(baseline, ppsX264, idr),
		"between, not before":          append(bytes.Clone(baseline), annexB(ppsX264, idr)...),
		"a delimiter, then the others": append([]byte{9, 0x10}, annexB(baseline, ppsX264, idr)...),
	} {
		t.Run(name, func(t *testing.T) {
			u := &Unit{}
			if payload[0] == 0 { // a single NAL unit packet can't begin so: it came in fragments
				require.NoError(t, h264Payload{}.unpack(u, append([]byte{0x7c, 0x80}, payload...)))
				require.NoError(t, h264Payload{}.unpack(u, []byte{0x7c, 0x40}))
			} else {
				require.NoError(t, h264Payload{}.unpack(u, payload))
			}
			last := u.elements()[len(u.ends)-1]
			require.Equal(t, idr, last)
		})
	}
}

// FuzzRTP: no packets harm the feed, and whatever comes out is well formed.
func FuzzRTP(f *testing.F) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for _, coding := range []media.Codec{codec.H264, codec.H265} {
		var script []byte
		for i, au := range pictures(rnd, coding, 2) {
			for _, p := range packetizeFuzz(coding, au) {
				n := min(len(p.Payload), 200)
				flags := byte(i << 1)
				if p.Marker {
					flags |= 1
				}
				script = append(script, flags, byte(n))
				script = append(script, p.Payload[:n]...)
			}
		}
		f.Add(script, coding == codec.H265)
	}
	f.Add([]byte{1, 3, 0x7c, 0x45, 1, 0, 2, 0x18, 0}, false)
	f.Fuzz(func(t *testing.T, script []byte, hevc bool) {
		b := newBench(t)
		coding := codec.H264
		if hevc {
			coding = codec.H265
		}
		track, a := b.of(coding), b.audio()
		for len(script) >= 2 {
			flags, n := script[0], min(int(script[1]), len(script)-2)
			to := track
			if flags&0x40 != 0 {
				to = a
			}
			if flags&0x20 != 0 {
				b.seq[to]++ // lost
			}
			if flags&0x80 != 0 {
				to.SenderReport(uint64(flags)<<30, uint32(flags)<<8)
			}
			b.send(to, uint32(flags>>1&0xf)*3600, flags&1 != 0, script[2:2+n]...)
			script = script[2+n:]
		}
		track.Close()
		b.feed.Close()
		for _, u := range b.shelf.units {
			require.NotEmpty(t, u.nals)
			for _, nal := range u.nals {
				require.NotEmpty(t, nal)
			}
		}
	})
}

func packetizeFuzz(coding media.Codec, au [][]byte) []*rtp.Packet {
	if coding == codec.H265 {
		e := rtph265.Encoder{PayloadType: 96}
		_ = e.Init()
		out, _ := e.Encode(au)
		return out
	}
	e := rtph264.Encoder{PayloadType: 96, PacketizationMode: 1}
	_ = e.Init()
	out, _ := e.Encode(au)
	return out
}
