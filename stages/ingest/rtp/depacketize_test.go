package rtp

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
	"github.com/gospool/spool/stages/ingest"
	"github.com/gospool/spool/stages/ingest/ingesttest"
)

// TestEveryPackingComesBackWhole sends pictures as gortsplib packs them, over a wrap of the sequence numbers, alone
// or in pairs under one time, with all markers or none, and loses packets: received pictures are whole, and every
// picture without a loss is received.
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
	aus := ingesttest.Pictures(rnd, coding, 100)
	b := newBench(t)
	track := b.Of(coding)
	seq, lost, touched, number := uint16(65400), uint64(0), map[int]bool{}, map[string]int{}
	for i, au := range aus {
		number[ingesttest.HashOf(ingesttest.PictureOf(coding, au))] = i
		for _, p := range ingesttest.Packetize(t, coding, au) {
			p.SequenceNumber, p.Timestamp, p.Marker = seq, uint32(i/group*group)*3600, p.Marker && markers
			seq++
			if rnd.IntN(100) < lossPercent && i > 1 && i < len(aus)-1 {
				lost++
				touched[i] = true
				continue
			}
			require.NoError(t, track.Packet(p, b.Now))
		}
	}
	track.Close()
	b.Feed.Close()
	require.Equal(t, lost, b.Publisher.Losses[media.DropRTPLoss])
	came := map[int]bool{}
	for _, u := range b.Publisher.Units {
		i, known := number[ingesttest.HashOf(ingesttest.PictureOf(coding, u.NALs))]
		require.True(t, known, "a picture is stored in part, or two as one")
		came[i] = true
		if !touched[i] {
			require.Equal(t, ingesttest.HashOf(aus[i]), ingesttest.HashOf(u.NALs), "picture %d", i)
		}
		if lost == 0 {
			require.Equal(t, int64(i)*3600, u.AU.PTS)
		}
	}
	for i := range aus {
		behind := !markers && touched[i+1] // without a marker a loss may be of either
		require.True(t, came[i] || touched[i] || behind, "picture %d lost nothing but is missing", i)
	}
}

func TestStartCodesInPayloads(t *testing.T) {
	annexB := func(nals ...[]byte) (out []byte) {
		for _, n := range nals {
			out = append(append(out, 0, 0, 0, 1), n...)
		}
		return out
	}
	for name, tc := range map[string]struct {
		nals    int
		payload []byte
	}{
		"before a slice":               {2, annexB(ingesttest.IDR)}, // the header before the first start code is one, too
		"sets and slice in one":        {4, annexB(ingesttest.Baseline, ingesttest.PPSX264, ingesttest.IDR)},
		"between, not before":          {3, append(bytes.Clone(ingesttest.Baseline), annexB(ingesttest.PPSX264, ingesttest.IDR)...)},
		"a delimiter, then the others": {4, append([]byte{9, 0x10}, annexB(ingesttest.Baseline, ingesttest.PPSX264, ingesttest.IDR)...)},
	} {
		t.Run(name, func(t *testing.T) {
			u, payload := &ingest.Unit{}, tc.payload
			if payload[0] == 0 { // a single NAL unit packet can't begin so: it came in fragments
				require.NoError(t, h264Payload{}.unpack(u, append([]byte{0x7c, 0x80}, payload...)))
				require.NoError(t, h264Payload{}.unpack(u, []byte{0x7c, 0x40}))
			} else {
				require.NoError(t, h264Payload{}.unpack(u, payload))
			}
			require.True(t, bytes.HasSuffix(u.Bytes(), ingesttest.IDR))
			require.Equal(t, tc.nals, u.Elements())
		})
	}
}

// FuzzRTP checks that no packets break the feed, and that its output is well formed.
func FuzzRTP(f *testing.F) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for _, coding := range []media.Codec{codec.H264, codec.H265} {
		var script []byte
		for i, au := range ingesttest.Pictures(rnd, coding, 2) {
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
		track, a := b.Of(coding), b.audio()
		for len(script) >= 2 {
			flags, n := script[0], min(int(script[1]), len(script)-2)
			to := track
			if flags&0x40 != 0 {
				to = a
			}
			if flags&0x20 != 0 {
				b.Seq[to]++ // lost
			}
			if flags&0x80 != 0 {
				to.SenderReport(uint64(flags)<<30, uint32(flags)<<8)
			}
			b.Send(to, uint32(flags>>1&0xf)*3600, flags&1 != 0, script[2:2+n]...)
			script = script[2+n:]
		}
		track.Close()
		b.Feed.Close()
		for _, u := range b.Publisher.Units {
			require.NotEmpty(t, u.NALs)
			for _, nal := range u.NALs {
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
