package rtp

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest"
	"github.com/gospool/spool/stages/ingest/ingesttest"
)

// FuzzPackets checks that no packets break a track, whether they are datagrams, of several senders or with decoding
// order numbers; the output is well formed and bounded, and all memory is released.
func FuzzPackets(f *testing.F) {
	rnd := rand.New(rand.NewPCG(3, 4))
	script := func(packets []*rtp.Packet) (out []byte) {
		for _, p := range packets {
			n := min(len(p.Payload), 120)
			out = append(append(out, byte(p.Timestamp/ticksOf)&7, byte(n)), p.Payload[:n]...)
		}
		return out
	}
	for mode, coding := range map[byte]media.Codec{0: codec.H264, 1: codec.H265, 2: codec.H264, 3: codec.H265, 6: codec.H264} {
		aus := ingesttest.Pictures(rnd, coding, 3)
		for _, au := range aus {
			for i := range au {
				au[i] = au[i][:min(len(au[i]), 30)]
			}
		}
		f.Add(script(packed(rnd, coding, interleave(rnd, aus, 65530, 1, 3))), mode)
	}
	f.Add([]byte{0x10, 3, 0x65, 0x88, 1, 0x90, 3, 0x65, 0x88, 2}, byte(4))
	f.Fuzz(func(t *testing.T, script []byte, mode byte) {
		b := newBench(t)
		sps, pps := ingesttest.CodedSets(false)
		coding, sets := codec.H264, [][]byte{sps, pps}
		if mode&1 != 0 {
			coding, sets = codec.H265, [][]byte{ingesttest.VPSX265, ingesttest.HEVC25, ingesttest.PPSX265}
		}
		v, err := Add(b.Feed, Config{
			Track:         ingest.TrackConfig{Codec: coding, Timescale: 90000, ParameterSets: sets},
			DecodingOrder: mode&2 != 0, Datagrams: mode&4 != 0, SSRC: uint32(mode >> 7), OrderDepth: int(mode >> 3 & 15),
		})
		require.NoError(t, err)
		came, seq := 0, uint16(65533)
		for len(script) >= 2 {
			flags, n := script[0], min(int(script[1]), len(script)-2)
			came += n
			b.Now = b.Now.Add(time.Duration(flags>>5) * 20 * time.Millisecond)
			p := &rtp.Packet{Header: rtp.Header{
				SequenceNumber: seq, Timestamp: uint32(flags&7) * ticksOf, Marker: flags&8 != 0, SSRC: uint32(flags >> 4 & 1),
			}, Payload: script[2 : 2+n]}
			switch seq++; flags >> 5 {
			case 7:
				seq += 2 // are lost
			case 6:
				p.SequenceNumber -= 3
			case 5:
				v.RTCP(&rtcp.Goodbye{Sources: []uint32{uint32(n & 1)}})
			case 4:
				v.RTCP(&rtcp.SenderReport{SSRC: uint32(n & 1), NTPTime: uint64(n) << 32, RTPTime: uint32(n) * ticksOf})
			}
			require.NoError(t, v.Packet(p, b.Now))
			require.LessOrEqual(t, b.Feed.HeldBytes(), int64(64*came+1<<21), "memory is linear in the received bytes")
			script = script[2+n:]
		}
		v.Close()
		b.Feed.Close()
		require.Zero(t, b.Feed.HeldBytes())
		size := 0
		for _, u := range b.Publisher.Units {
			require.NotEmpty(t, u.NALs)
			require.LessOrEqual(t, len(u.NALs), 4096)
			for _, nal := range u.NALs {
				require.NotEmpty(t, nal)
				size += len(nal)
			}
		}
		require.LessOrEqual(t, size, came+len(b.Publisher.Units)*200, "nothing is stored twice")
	})
}
