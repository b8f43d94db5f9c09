package rtp

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/gortsplib/v5/pkg/format/rtpmpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/pion/rtp"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest"
	"github.com/gospool/spool/stages/ingest/ingesttest"
)

var lc48 = &mpeg4audio.AudioSpecificConfig{Type: 2, SampleRate: 48000, ChannelConfig: 2, ChannelCount: 2}

func newAAC(t testing.TB) *aacPayload {
	a, err := AACPayload(ingesttest.AACLC48, [3]int{13, 3, 3})
	require.NoError(t, err)
	return a.(*aacPayload)
}

func newLATM(t testing.TB, inBand bool) *latmPayload {
	l, err := LATMPayload(&format.MPEG4AudioLATM{PayloadTyp: 96, CPresent: inBand, StreamMuxConfig: &mpeg4audio.StreamMuxConfig{
		Programs: []*mpeg4audio.StreamMuxConfigProgram{{Layers: []*mpeg4audio.StreamMuxConfigLayer{{AudioSpecificConfig: lc48, LatmBufferFullness: 255}}}},
	}})
	require.NoError(t, err)
	return l.(*latmPayload)
}

func noDescription([]byte) error { return nil }

// frame returns a frame of sound with distinct bytes.
func frame(n, size int) []byte {
	out := make([]byte, size)
	for i := range out {
		out[i] = byte(n + i + 1)
	}
	return out
}

// TestAACComesBackAsItWasPacked packs frames alone, many in a packet, and in fragments, over a wrap of the numbers.
func TestAACComesBackAsItWasPacked(t *testing.T) {
	a := newAAC(t)
	e := rtpmpeg4audio.Encoder{PayloadType: 96, SizeLength: 13, IndexLength: 3, IndexDeltaLength: 3, PayloadMaxSize: 1000}
	require.NoError(t, e.Init())
	seq := uint16(65530)
	for i, sizes := range [][]int{{100}, {100, 200, 300}, {3000}, {1}, {2500}, {50, 60}} {
		var want, got [][]byte
		for k, size := range sizes {
			want = append(want, frame(i+k, size))
		}
		packets, err := e.Encode(want)
		require.NoError(t, err)
		for _, p := range packets {
			p.SequenceNumber = seq
			seq++
			out, err := a.unpack(p, noDescription)
			require.NoError(t, err)
			for _, f := range out {
				got = append(got, append([]byte(nil), f...))
			}
		}
		require.Equal(t, want, got)
	}
}

// aacPacket returns a packet of frames of the given sizes, or of a part of one.
func aacPacket(seq uint16, marker bool, sizes []int, data []byte) *rtp.Packet {
	p := binary.BigEndian.AppendUint16(nil, uint16(16*len(sizes)))
	for _, n := range sizes {
		p = binary.BigEndian.AppendUint16(p, uint16(n<<3))
	}
	return &rtp.Packet{Header: rtp.Header{SequenceNumber: seq, Marker: marker}, Payload: append(p, data...)}
}

// A lost fragment costs its frame, and no other one.
func TestALostFragmentOfAACCostsItsFrameOnly(t *testing.T) {
	a := newAAC(t)
	out, err := a.unpack(aacPacket(1, false, []int{100}, frame(0, 40)), noDescription)
	require.NoError(t, err)
	require.Empty(t, out)
	out, err = a.unpack(aacPacket(3, true, []int{10, 20}, frame(0, 30)), noDescription) // 2 is lost
	require.NoError(t, err)
	require.Len(t, out, 2)
}

func TestPayloadsOfAACThatAreRefused(t *testing.T) {
	many := make([]int, maxFrames+1)
	for i := range many {
		many[i] = 1
	}
	for name, c := range map[string]struct {
		packet *rtp.Packet
		err    error
	}{
		"nothing":               {&rtp.Packet{Payload: []byte{0}}, errShort},
		"no headers":            {&rtp.Packet{Payload: []byte{0, 0, 1}}, errShort},
		"headers cut":           {&rtp.Packet{Payload: []byte{0, 32, 0, 8}}, errShort},
		"half a header":         {&rtp.Packet{Payload: []byte{0, 17, 0, 8, 0}}, errShort},
		"frames of no bytes":    {aacPacket(1, true, []int{0, 0, 0}, nil), errPacking},
		"too many frames":       {aacPacket(1, true, many, make([]byte, len(many))), errFrames},
		"more than there is":    {aacPacket(1, true, []int{10}, frame(0, 9)), errShort},
		"a fragment, nothing":   {aacPacket(1, false, []int{10}, nil), errShort},
		"interleaved (index 1)": {&rtp.Packet{Payload: []byte{0, 16, 0, 9, 1}}, errPacking},
	} {
		_, err := newAAC(t).unpack(c.packet, noDescription)
		require.ErrorIs(t, err, c.err, name)
	}
	b := newBench(t)
	v, err := Add(b.Feed, Config{Track: ingest.TrackConfig{Codec: codec.AAC, Timescale: 48000, ParameterSets: [][]byte{ingesttest.AACLC48}}, Audio: newAAC(t)})
	require.NoError(t, err)
	require.NoError(t, v.Packet(aacPacket(1, true, many, make([]byte, len(many))), b.Now))
	require.NoError(t, v.Packet(aacPacket(2, true, many[1:], make([]byte, len(many)-1)), b.Now))
	v.Close()
	b.Feed.Close()
	require.Equal(t, map[string]uint64{media.DropTooManyFrames: 1}, b.Publisher.Losses)
	require.Len(t, b.Publisher.Units, maxFrames)
}

// Fragments without an end hold their own memory, not that of their packets, and no more than a bound.
func TestFragmentsOfSoundAreBounded(t *testing.T) {
	a, l := newAAC(t), newLATM(t, false)
	for i := range 15_000 {
		_, _ = a.unpack(aacPacket(uint16(i), false, []int{8000}, []byte{1}), noDescription)
		_, _ = a.unpack(aacPacket(uint16(i), false, []int{8000}, nil), noDescription)
		_, _ = l.unpack(&rtp.Packet{Header: rtp.Header{SequenceNumber: uint16(i)}, Payload: make([]byte, 100)}, noDescription)
		require.LessOrEqual(t, cap(a.part.buf), maxFrameBytes)
		require.LessOrEqual(t, cap(l.part.buf), 2*maxMuxElementBytes)
	}
	_, err := l.unpack(&rtp.Packet{Payload: []byte{1}}, noDescription)
	require.Error(t, err)
	_, _ = l.unpack(&rtp.Packet{Payload: []byte{1}}, noDescription)
	require.LessOrEqual(t, cap(l.part.buf), keptFragmentBytes, "grown memory is given back")
}

// LATM in one packet, in fragments, and with several frames in an element.
func TestLATMComesBackAsItWasPacked(t *testing.T) {
	for _, sub := range []uint{0, 3, 63} {
		for _, parts := range []int{1, 5} {
			t.Run(fmt.Sprint(sub+1, " frames in ", parts, " packets"), func(t *testing.T) {
				l := newLATM(t, true)
				config := &mpeg4audio.StreamMuxConfig{NumSubFrames: sub, Programs: l.config.Programs}
				element := mpeg4audio.AudioMuxElement{MuxConfigPresent: true, StreamMuxConfig: config}
				for k := range int(sub) + 1 {
					element.Payloads = append(element.Payloads, [][][]byte{{frame(k, 30+k)}})
				}
				raw, err := element.Marshal()
				require.NoError(t, err)
				seq := uint16(65535)
				for range 2 {
					var got [][]byte
					for k := range parts {
						p := &rtp.Packet{Header: rtp.Header{SequenceNumber: seq, Marker: k == parts-1}, Payload: raw[len(raw)*k/parts : len(raw)*(k+1)/parts]}
						seq++
						got, err = l.unpack(p, noDescription)
						require.NoError(t, err)
					}
					require.Len(t, got, int(sub)+1)
					for k, f := range got {
						require.Equal(t, frame(k, 30+k), f)
					}
				}
			})
		}
	}
}

// FuzzSound checks that for any packets of sound, frames lie within the received bytes, and the kept memory is
// bounded.
func FuzzSound(f *testing.F) {
	for _, p := range []*rtp.Packet{aacPacket(1, true, []int{3, 4}, frame(0, 7)), aacPacket(1, false, []int{9}, frame(0, 5))} {
		f.Add(append([]byte{1, byte(len(p.Payload))}, p.Payload...), byte(0))
	}
	headed, _ := adtsPacket(1, 7, 3, 5, 6)
	f.Add(append([]byte{1, byte(len(headed.Payload))}, headed.Payload...), byte(0))
	element := mpeg4audio.AudioMuxElement{MuxConfigPresent: true, StreamMuxConfig: newLATM(f, true).config, Payloads: [][][][]byte{{{frame(1, 20)}}}}
	raw, err := element.Marshal()
	require.NoError(f, err)
	f.Add(append([]byte{1, byte(len(raw))}, raw...), byte(1))
	f.Add([]byte{1, 3, 2, 7, 8}, byte(2))
	for offset := range byte(2) { // the beginning of a frame of 96 bytes
		f.Add(append([]byte{1, 48, 0, 0, 0, 40 * offset, 0xff, 0xf3, 0x44, 0xc4}, make([]byte, 40)...), byte(5))
	}
	f.Fuzz(func(t *testing.T, script []byte, kind byte) {
		var payload AudioPayload = newAAC(t)
		switch kind % 6 {
		case 1:
			payload = newLATM(t, true)
		case 2:
			payload = newLATM(t, false)
		case 3:
			a, err := AACPayload([][]byte{nil, ingesttest.AACLC48}[kind>>7], [3]int{1 + int(kind>>2&31), int(kind >> 5), 1})
			require.NoError(t, err)
			payload = a
		case 4:
			payload = &pcmPayload{frameBytes: 1 + int(kind>>5), rate: 8000, by: muLaw}
		case 5:
			payload = &mp3Payload{}
		}
		came, seq := 0, uint16(0)
		for len(script) >= 2 {
			flags, n := script[0], min(int(script[1])<<(script[0]>>5), len(script)-2)
			came += n
			if seq++; flags&2 != 0 {
				seq++
			}
			p := &rtp.Packet{Header: rtp.Header{SequenceNumber: seq, Marker: flags&1 != 0, Timestamp: uint32(flags >> 2 & 3)}, Payload: script[2 : 2+n]}
			out, _ := payload.unpack(p, noDescription)
			require.LessOrEqual(t, len(out), maxFrames)
			sum := 0
			for _, frame := range out {
				sum += len(frame)
			}
			require.LessOrEqual(t, sum, 2*came, "G.711 is expanded")
			script = script[2+n:]
		}
		switch p := payload.(type) {
		case *aacPayload:
			require.LessOrEqual(t, cap(p.part.buf), 2*came+64)
		case *mp3Payload:
			require.LessOrEqual(t, cap(p.part.buf), 2*came+64)
		case *latmPayload:
			require.LessOrEqual(t, cap(p.part.buf), 2*came+64)
		}
	})
}
