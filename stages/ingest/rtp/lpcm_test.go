package rtp

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest"
	"github.com/gospool/spool/stages/ingest/ingesttest"
)

// sound adds a track of a format to a bench.
func (b *bench) sound(f Format) *Track {
	c, err := f.Config(Options{})
	require.NoError(b.T, err)
	t, err := Add(b.Feed, c)
	require.NoError(b.T, err)
	return t
}

func soundPacket(seq uint16, ticks uint32, payload []byte) *rtp.Packet {
	return &rtp.Packet{Header: rtp.Header{SequenceNumber: seq, Timestamp: ticks}, Payload: payload}
}

// The values are those of ITU-T G.711, tables 1 and 2, times 4 (mu-law: 14 bits) and 8 (A-law: 13 bits).
func TestG711IsExpanded(t *testing.T) {
	for name, c := range map[string]struct {
		codes []byte
		want  []int16
	}{
		"pcmu": {[]byte{0x00, 0x80, 0x7f, 0xff, 0x8f, 0x0f}, []int16{-32124, 32124, 0, 0, 16764, -16764}},
		"pcma": {[]byte{0xd5, 0x55, 0xaa, 0x2a, 0x80, 0x00}, []int16{8, -8, 32256, -32256, 5504, -5504}},
	} {
		b := newBench(t)
		track := b.sound(Format{Name: name, Clock: 8000})
		require.NoError(t, track.Packet(soundPacket(1, 0, c.codes), time.Now()))
		b.Feed.Close()
		require.Len(t, b.Publisher.Units, 1, name)
		var got []int16
		for pcm := b.Publisher.Units[0].NALs[0]; len(pcm) > 0; pcm = pcm[2:] {
			got = append(got, int16(binary.LittleEndian.Uint16(pcm)))
		}
		require.Equal(t, c.want, got, name)
		require.Equal(t, [][]byte{{1, 16}}, b.Publisher.Sets[0][0].ParameterSets, "little-endian, 16 bits")
	}
}

// With the option, G.711 is stored as it was sent, in packets of any duration.
func TestG711IsKept(t *testing.T) {
	for name, of := range map[string]media.Codec{"pcmu": codec.MuLaw, "pcma": codec.ALaw} {
		b := newBench(t)
		f := Format{Name: name, Clock: 16000, Channels: 2}
		c, err := f.Config(Options{KeepG711: true})
		require.NoError(t, err)
		track, err := Add(b.Feed, c)
		require.NoError(t, err)
		begin := time.Now()
		require.NoError(t, track.Packet(soundPacket(1, 0, []byte{0, 1, 2, 3, 254, 255}), begin))
		require.NoError(t, track.Packet(soundPacket(2, 3, []byte{0, 0}), begin))
		b.Feed.Close()
		require.Len(t, b.Publisher.Units, 2)
		require.Equal(t, []byte{0, 1, 2, 3, 254, 255}, b.Publisher.Units[0].NALs[0])
		require.Equal(t, []byte{0, 0}, b.Publisher.Units[1].NALs[0], "zeros are samples")
		require.EqualValues(t, 3, b.Publisher.Units[1].AU.DTS-b.Publisher.Units[0].AU.DTS)
		require.Equal(t, media.Track{Codec: of, Timescale: 16000, SampleRate: 16000, Channels: 2}, b.Publisher.Sets[0][0])
	}
	f := Format{Name: "l16", Clock: 8000}
	c, err := f.Config(Options{KeepG711: true})
	require.NoError(t, err)
	require.Equal(t, codec.LPCM, c.Track.Codec, "the option is for G.711 only")
}

// LPCM is stored as it was sent. Packets of any duration, the last one too, have their exact times.
func TestLPCMPacketsOfAnyDurationAreStoredUnchanged(t *testing.T) {
	for _, f := range []Format{{Name: "l16", Clock: 44100, Channels: 2}, {Name: "l24", Clock: 48000, Channels: 2}, {Name: "l16", Clock: 16000}} {
		b := newBench(t)
		track := b.sound(f)
		frame := track.audio.(*pcmPayload).frameBytes
		begin, ticks := time.Now(), uint32(4_000_000_000)
		var want [][]byte
		for seq, samples := range []int{160, 320, 7, 480, 160, 160} {
			pcm := make([]byte, samples*frame)
			for i := range pcm {
				pcm[i] = byte(seq + i)
			}
			want = append(want, pcm)
			require.NoError(t, track.Packet(soundPacket(uint16(seq), ticks, pcm), begin.Add(time.Duration(ticks-4_000_000_000)*time.Second/time.Duration(f.Clock))))
			ticks += uint32(samples)
		}
		track.Close()
		b.Feed.Close()
		require.Len(t, b.Publisher.Units, len(want))
		at := b.Publisher.Units[0].AU.DTS
		for i, u := range b.Publisher.Units {
			require.Equal(t, [][]byte{want[i]}, u.NALs)
			require.Equal(t, at, u.AU.DTS)
			require.EqualValues(t, len(want[i])/frame, u.AU.DurationTicks)
			at += u.AU.DurationTicks
		}
		require.Empty(t, b.Publisher.Losses)
		require.Empty(t, b.Publisher.Repairs)
	}
}

// A packet without a whole sample of each channel is lost, and counted.
func TestACutLPCMPacketIsCounted(t *testing.T) {
	b := newBench(t)
	track := b.sound(Format{Name: "l16", Clock: 8000, Channels: 2})
	for seq, n := range []int{4, 0, 3, 6, 8} {
		require.NoError(t, track.Packet(soundPacket(uint16(seq), uint32(seq), make([]byte, n)), time.Now()))
	}
	track.Close()
	b.Feed.Close()
	require.Len(t, b.Publisher.Of(codec.LPCM), 2)
	require.EqualValues(t, 2, b.Publisher.Losses[media.DropRTPMalformed])
	_, err := (&Format{Name: "l24"}).Config(Options{})
	require.EqualError(t, err, "l24 without a sample rate")
}

func BenchmarkG711(b *testing.B) {
	f := Format{Name: "pcmu", Clock: 8000}
	c, err := f.Config(Options{})
	require.NoError(b, err)
	feed := ingest.NewFeed(ingesttest.Discard{}, nil)
	track, err := Add(feed, c)
	require.NoError(b, err)
	p, begin := soundPacket(0, 0, make([]byte, 160)), time.Now()
	for n := 0; b.Loop(); n++ {
		p.SequenceNumber, p.Timestamp = uint16(n), uint32(n*160)
		require.NoError(b, track.Packet(p, begin.Add(time.Duration(n)*20*time.Millisecond)))
	}
	b.ReportAllocs()
}
