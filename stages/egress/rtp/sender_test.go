package rtp_test

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/pion/rtcp"
	pion "github.com/pion/rtp"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/media/live"
	"github.com/gospool/spool/pipeline/pipelinetest"
	"github.com/gospool/spool/stages/egress/rtp"
)

// wire passes units of one track through a ring to a sender, and reads its packets.
type wire struct {
	t       testing.TB
	builder *media.Builder
	reader  *live.Reader
	sender  *rtp.Sender
	format  format.Format
	frames  rtp.Frames
	next    uint16 // expected sequence number
	framed  bool   // payloads are in mdat form
}

func newWire(t testing.TB, track media.Track) *wire {
	t.Helper()
	w := &wire{t: t}
	set, err := media.NewTrackSet(1, []media.Track{track})
	require.NoError(t, err)
	w.builder = media.NewBuilder(media.NewPool(0), media.BuilderConfig{}, func(c *media.Chunk) { c.Release() })
	w.builder.SetTracks(set)
	ring := live.NewRing(64 << 20)
	w.builder.Observe(ring)
	w.reader = ring.Open(live.Options{})
	w.format, err = rtp.Describe(&set.Tracks[0], 96)
	require.NoError(t, err)
	w.sender = rtp.NewSender(&set.Tracks[0], w.format, 0x12345678, 4, 65530)
	w.next = 65530
	return w
}

// send sends a unit, and returns its packets and reports.
func (w *wire) send(dts, utc int64, sync bool, payload ...[]byte) (packets []*pion.Packet, reports [][]byte) {
	w.t.Helper()
	require.NoError(w.t, w.builder.Append(0, &media.AU{DTS: dts, PTS: dts, UTC: utc, MonoNS: utc, Sync: sync, Payload: payload, Framed: w.framed}))
	u, err := w.reader.Poll()
	require.NoError(w.t, err)
	require.NotNil(w.t, u)
	w.frames.Reset()
	w.sender.Unit(&w.frames, u)
	rest := w.frames.Bytes()
	for i := range w.frames.Len() {
		channel, packet := w.frames.Frame(i)
		require.Equal(w.t, []byte{'$', channel}, rest[:2])
		require.Equal(w.t, len(packet), int(binary.BigEndian.Uint16(rest[2:])))
		require.Equal(w.t, packet, rest[4:4+len(packet)])
		rest = rest[4+len(packet):]
		if channel == 5 {
			reports = append(reports, packet)
			continue
		}
		require.Equal(w.t, byte(4), channel)
		if !w.inOne() {
			require.LessOrEqual(w.t, len(packet), rtp.MaxPacketBytes)
		}
		p := &pion.Packet{}
		require.NoError(w.t, p.Unmarshal(packet))
		require.Equal(w.t, w.next, p.SequenceNumber)
		require.Equal(w.t, uint32(0x12345678), p.SSRC)
		require.Equal(w.t, w.format.PayloadType(), p.PayloadType)
		w.next++
		packets = append(packets, p)
	}
	require.Empty(w.t, rest)
	return packets, reports
}

// inOne reports whether each unit of the codec is one packet, of any length and without a marker: Opus (RFC 7587, 4.2).
func (w *wire) inOne() bool { return strings.Contains(w.format.RTPMap(), "opus") }

// decoded passes packets to a decoder of another library.
func decoded[T any](t require.TestingT, packets []*pion.Packet, decode func(*pion.Packet) (T, error)) (out T) {
	for i, p := range packets {
		got, err := decode(p)
		if i == len(packets)-1 {
			require.NoError(t, err)
			out = got
		}
	}
	return out
}

// nal returns a NAL unit without start codes within it.
func nal(header []byte, size int) []byte {
	out := append([]byte(nil), header...)
	for i := len(out); i < size; i++ {
		out = append(out, byte(i%250+1))
	}
	return out
}

func hevc() media.Track {
	return media.Track{Codec: codec.H265, Timescale: 90000, Width: 640, Height: 360, ParameterSets: [][]byte{{0x40, 1, 2}, {0x42, 1, 3}, {0x44, 1, 4}}}
}

func TestNALUnitsOfAnySize(t *testing.T) {
	for name, c := range map[string]struct {
		track   media.Track
		headers [][]byte // of a key picture's NAL units, and of others
		decode  func(f format.Format) func(*pion.Packet) ([][]byte, error)
	}{
		"h264": {pipelinetest.AVC(640, 360), [][]byte{{0x65}, {0x41}, {0x06}}, func(f format.Format) func(*pion.Packet) ([][]byte, error) {
			d, err := f.(*format.H264).CreateDecoder()
			require.NoError(t, err)
			return d.Decode
		}},
		"h265": {hevc(), [][]byte{{0x26, 1}, {0x02, 1}, {0x4e, 1}}, func(f format.Format) func(*pion.Packet) ([][]byte, error) {
			d, err := f.(*format.H265).CreateDecoder()
			require.NoError(t, err)
			return d.Decode
		}},
	} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(r *rapid.T) {
				w := newWire(t, c.track)
				decode := c.decode(w.format)
				for n := range rapid.IntRange(1, 5).Draw(r, "units") {
					sync := n == 0 || rapid.Bool().Draw(r, "sync")
					var units, want [][]byte
					for range rapid.IntRange(1, 4).Draw(r, "NAL units") {
						header := c.headers[rapid.IntRange(0, 2).Draw(r, "kind")]
						size := rapid.OneOf(rapid.IntRange(len(header)+1, 50), rapid.IntRange(1380, 1400), rapid.IntRange(2700, 30000)).Draw(r, "size")
						units = append(units, nal(header, size))
					}
					if sync {
						want = append(want, c.track.ParameterSets...)
					}
					want = append(want, units...)
					packets, _ := w.send(int64(n)*3600, 1e18, sync, units...)
					require.Equal(r, want, decoded(r, packets, decode))
					for i, p := range packets {
						require.Equal(r, i == len(packets)-1, p.Marker)
						require.Equal(r, packets[0].Timestamp, p.Timestamp)
					}
				}
			})
		})
	}
}

func TestSound(t *testing.T) {
	lpcm := func(bits int, little bool) media.Track {
		return media.Track{Codec: codec.LPCM, Timescale: 8000, SampleRate: 8000, Channels: 2, ParameterSets: [][]byte{codec.LPCMFormat{Bits: bits, LittleEndian: little}.Set()}}
	}
	g711 := media.Track{Codec: codec.ALaw, Timescale: 8000, SampleRate: 8000, Channels: 1}
	opus := media.Track{Codec: codec.Opus, Timescale: 48000, SampleRate: 48000, Channels: 2, ParameterSets: [][]byte{codec.OpusConfig{Channels: 2}.Set()}}
	swapped := func(b []byte, n int) []byte {
		out := append([]byte(nil), b...)
		for i := range out {
			out[i] = b[i/n*n+n-1-i%n]
		}
		return out
	}
	for name, c := range map[string]struct {
		track media.Track
		size  int
		pt    uint8
		want  func(sent []byte) []byte
	}{
		"aac": {pipelinetest.AAC(), 300, 96, nil}, "aac in fragments": {pipelinetest.AAC(), 4000, 96, nil},
		"opus": {opus, 900, 96, nil}, "g711": {g711, 160, 8, nil}, "g711 in packets": {g711, 4001, 8, nil},
		"lpcm": {lpcm(16, false), 4000, 96, nil}, "little endian": {lpcm(16, true), 4000, 96, func(b []byte) []byte { return swapped(b, 2) }},
		"24 bits": {lpcm(24, true), 6000, 96, func(b []byte) []byte { return swapped(b, 3) }},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWire(t, c.track)
			sent := nal(nil, c.size)
			packets, _ := w.send(0, 1e18, true, sent)
			require.Equal(t, c.pt, w.format.PayloadType())
			var got []byte
			switch f := w.format.(type) {
			case *format.Generic:
				require.Equal(t, "1190", f.FMT["config"])
				d, err := (&format.MPEG4Audio{SizeLength: 13, IndexLength: 3, IndexDeltaLength: 3}).CreateDecoder()
				require.NoError(t, err)
				got = decoded(t, packets, d.Decode)[0]
				require.True(t, packets[len(packets)-1].Marker)
			case *format.Opus:
				got = packets[0].Payload
			default:
				frame := uint32(c.track.Channels)
				if c.track.Codec == codec.LPCM {
					frame *= uint32(c.track.ParameterSets[0][1]) / 8
				}
				for _, p := range packets {
					require.Equal(t, packets[0].Timestamp+uint32(len(got))/frame, p.Timestamp)
					require.Zero(t, uint32(len(p.Payload))%frame)
					got = append(got, p.Payload...)
				}
			}
			if c.want != nil {
				sent = c.want(sent)
			}
			require.Equal(t, sent, got)
		})
	}
}

func TestReports(t *testing.T) {
	w := newWire(t, pipelinetest.AVC(640, 360))
	const begin = int64(1_700_000_000_250_000_000)
	sent, octets := 0, 0
	var at []time.Duration
	for n := range int64(400) {
		packets, reports := w.send(n*3600, begin+n*40e6, n%50 == 0, nal([]byte{0x65}, 100))
		for _, p := range packets {
			sent, octets = sent+1, octets+len(p.Payload)
		}
		for _, b := range reports {
			at = append(at, time.Duration(n)*40*time.Millisecond)
			all, err := rtcp.Unmarshal(b)
			require.NoError(t, err)
			require.Len(t, all, 2)
			sr := all[0].(*rtcp.SenderReport)
			require.Equal(t, packets[0].Timestamp, sr.RTPTime)
			require.Equal(t, uint64(begin+n*40e6)/1e9+2208988800, sr.NTPTime>>32)
			require.InDelta(t, float64((begin+n*40e6)%1e9)/1e9, float64(sr.NTPTime&0xffffffff)/(1<<32), 1e-6)
			require.Equal(t, []uint32{0x12345678, uint32(sent), uint32(octets)}, []uint32{sr.SSRC, sr.PacketCount, sr.OctetCount})
			require.Equal(t, "spool", all[1].(*rtcp.SourceDescription).Chunks[0].Items[0].Text)
		}
	}
	require.Equal(t, []time.Duration{0, 520e6, 1040e6, 1560e6, 6560e6, 11560e6}, at)
	w.frames.Reset()
	w.sender.Bye(&w.frames)
	_, last := w.frames.Frame(w.frames.Len() - 1)
	all, err := rtcp.Unmarshal(last)
	require.NoError(t, err)
	require.Equal(t, []uint32{0x12345678}, all[2].(*rtcp.Goodbye).Sources)
}

func TestTracksThatFit(t *testing.T) {
	a, b := pipelinetest.AVC(640, 360), pipelinetest.AVC(1280, 360)
	b.ParameterSets = [][]byte{{0x67, 1}, {0x68, 2}}
	require.True(t, rtp.Fits(&a, &b), "its parameter sets are sent with the pictures")
	c := hevc()
	require.False(t, rtp.Fits(&a, &c))
	sound, other := pipelinetest.AAC(), pipelinetest.AAC()
	require.True(t, rtp.Fits(&sound, &other))
	other.ParameterSets = [][]byte{{0x11, 0x88}}
	require.False(t, rtp.Fits(&sound, &other))
}

func TestTracksThatAreNotSent(t *testing.T) {
	for _, c := range []media.Track{
		{Codec: codec.FLAC, Timescale: 48000, SampleRate: 48000, Channels: 2},
		{Codec: codec.MJPEG, Timescale: 90000, Width: 2048, Height: 1536},
		{Codec: codec.LPCM, Timescale: 8000, SampleRate: 8000, Channels: 1, ParameterSets: [][]byte{codec.LPCMFormat{Bits: 32}.Set()}},
		{Codec: codec.Opus, Timescale: 48000, SampleRate: 48000, Channels: 6, ParameterSets: [][]byte{codec.OpusConfig{Channels: 6}.Set()}},
	} {
		_, err := rtp.Describe(&c, 96)
		require.ErrorContains(t, err, "by RTP")
	}
}

func TestAPictureIsPacketisedWithoutAllocation(t *testing.T) {
	w := newWire(t, pipelinetest.AVC(640, 360))
	require.NoError(t, w.builder.Append(0, &media.AU{UTC: 1e18, Sync: true, Payload: [][]byte{nal([]byte{0x65}, 100_000)}}))
	u, err := w.reader.Poll()
	require.NoError(t, err)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		w.frames.Reset()
		w.sender.Unit(&w.frames, u)
	}))
}

// BenchmarkPicture packetises a picture of 20 KB. The other one does so by a library, into packets that are then marshalled.
func BenchmarkPicture(b *testing.B) {
	picture := nal([]byte{0x41}, 20_000)
	b.Run("sender", func(b *testing.B) {
		w := newWire(b, pipelinetest.AVC(640, 360))
		require.NoError(b, w.builder.Append(0, &media.AU{UTC: 1e18, Sync: true, Payload: [][]byte{picture}}))
		u, err := w.reader.Poll()
		require.NoError(b, err)
		b.SetBytes(int64(len(picture)))
		b.ReportAllocs()
		for b.Loop() {
			w.frames.Reset()
			w.sender.Unit(&w.frames, u)
		}
	})
	b.Run("library", func(b *testing.B) {
		coder, err := (&format.H264{PayloadTyp: 96, PacketizationMode: 1}).CreateEncoder()
		require.NoError(b, err)
		b.SetBytes(int64(len(picture)))
		b.ReportAllocs()
		for b.Loop() {
			packets, err := coder.Encode([][]byte{picture})
			require.NoError(b, err)
			for _, p := range packets {
				_, err = p.Marshal()
				require.NoError(b, err)
			}
		}
	})
}
