package rtp

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
)

// mp3Frame returns a frame whose bytes after the header are all fill.
func mp3Frame(t testing.TB, fill byte, header ...byte) []byte {
	h, err := codec.ReadMP3Frame(header)
	require.NoError(t, err)
	f := make([]byte, h.Bytes)
	for i := range f {
		f[i] = fill
	}
	copy(f, header)
	return f
}

// Packets of several frames, of one, and of fragments give the frames as they were, with their times. The bit rate may
// change; a change of the sample rate or the channels makes a new description.
func TestMP3FramesAreTakenFromPackets(t *testing.T) {
	b := newBench(t)
	track := b.sound(Format{Name: "mpa", Clock: 90000})
	stereo := mp3Frame(t, 1, 0xff, 0xfb, 0x94, 0x64) // 48 kHz, 128 kbit/s
	faster := mp3Frame(t, 2, 0xff, 0xfb, 0xe4, 0x64) // 320 kbit/s
	mono := mp3Frame(t, 3, 0xff, 0xfb, 0x94, 0xc4)   // 48 kHz
	slow := mp3Frame(t, 4, 0xff, 0xf3, 0x48, 0xc4)   // 16 kHz
	layer2 := mp3Frame(t, 5, 0xff, 0xfd, 0xa4, 0x04) // 48 kHz
	header := func(offset int) []byte { return []byte{0, 0, byte(offset >> 8), byte(offset)} }
	begin, ticks, seq := time.Now(), uint32(4_000_000_000), uint16(0)
	send := func(offset int, after uint32, data ...[]byte) {
		payload := header(offset)
		for _, d := range data {
			payload = append(payload, d...)
		}
		require.NoError(t, track.Packet(soundPacket(seq, ticks, payload), begin.Add(time.Duration(ticks-4_000_000_000)*time.Second/90000)))
		seq++
		ticks += after
	}
	send(0, 2*2160, stereo, faster)
	send(0, 0, faster[:500])
	send(500, 0, faster[500:900])
	send(900, 2160, faster[900:])
	send(0, 2160, layer2)
	send(0, 2160, mono)
	send(0, 3240, slow)
	track.Close()
	b.Feed.Close()
	want := [][]byte{stereo, faster, faster, layer2, mono, slow}
	require.Len(t, b.Publisher.Units, len(want))
	at := b.Publisher.Units[0].AU.DTS
	for i, u := range b.Publisher.Units {
		require.Equal(t, [][]byte{want[i]}, u.NALs)
		require.Equal(t, at, u.AU.DTS)
		require.EqualValues(t, []int64{1152, 1152, 1152, 1152, 1152, 1728}[i], u.AU.DurationTicks, "in samples of the first rate")
		at += u.AU.DurationTicks
		set := b.Publisher.Sets[u.Set-1][0]
		require.Equal(t, [][2]int{{48000, 2}, {48000, 2}, {48000, 2}, {48000, 2}, {48000, 1}, {16000, 1}}[i], [2]int{set.SampleRate, set.Channels})
	}
	require.Len(t, b.Publisher.Sets, 3)
	require.Empty(t, b.Publisher.Losses)
}

// The timescale is the sample rate, so the times are exact, although those of RTP are rounded, whatever their start is.
func TestMP3HasExactTimesAtEachRate(t *testing.T) {
	for _, header := range [][]byte{{0xff, 0xfb, 0x90, 0x64}, {0xff, 0xfb, 0x94, 0x64}, {0xff, 0xfb, 0x98, 0x64}, {0xff, 0xf3, 0x80, 0x64}, {0xff, 0xe3, 0x80, 0x64}} {
		frame := mp3Frame(t, 1, header...)
		h, err := codec.ReadMP3Frame(frame)
		require.NoError(t, err)
		for from := range int64(49) {
			b := newBench(t)
			track, begin := b.sound(Format{Name: "mpa", Clock: 90000}), time.Now()
			for i := range int64(50) {
				samples := i * int64(h.Samples)
				ticks := uint32(from + media.Rescale(samples, uint32(h.Rate), 90000))
				at := begin.Add(time.Duration(media.ToNanos(samples, uint32(h.Rate))))
				require.NoError(t, track.Packet(soundPacket(uint16(i), ticks, append([]byte{0, 0, 0, 0}, frame...)), at))
			}
			track.Close()
			b.Feed.Close()
			require.EqualValues(t, h.Rate, b.Publisher.Sets[0][0].Timescale)
			require.Len(t, b.Publisher.Units, 50)
			for i, u := range b.Publisher.Units {
				require.EqualValues(t, i*h.Samples, u.AU.DTS-b.Publisher.Units[0].AU.DTS, "%d Hz, start %d, frame %d", h.Rate, from, i)
				require.EqualValues(t, h.Samples, u.AU.DurationTicks)
			}
		}
	}
}

// A packet that cannot be read is lost, and counted, and the track goes on. An empty packet carries nothing.
func TestAMalformedMP3PacketIsCounted(t *testing.T) {
	frame := mp3Frame(t, 7, 0xff, 0xfb, 0x94, 0x64)
	whole := append([]byte{0, 0, 0, 0}, frame...)
	damaged := append([]byte(nil), whole...)
	damaged[5] = 0
	b := newBench(t)
	track := b.sound(Format{Name: "mpa", Clock: 90000})
	for seq, p := range [][]byte{whole, whole[:4], {}, damaged, append([]byte{0, 0, 0, 9}, frame...), whole[:380], whole[:300], append(whole, frame[:50]...), whole} {
		require.NoError(t, track.Packet(soundPacket(uint16(seq), uint32(seq*2160), p), time.Now()))
	}
	track.Close()
	b.Feed.Close()
	require.Len(t, b.Publisher.Of(codec.MP3), 2)
	require.EqualValues(t, 5, b.Publisher.Losses[media.DropRTPMalformed])
}
