package rtp

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/codec/g722"
	"github.com/gospool/spool/pipeline/codec/g726"
	"github.com/gospool/spool/pipeline/media"
)

// coded returns n bytes that differ from packet to packet.
func coded(seq, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(17*seq + 31*i)
	}
	return b
}

// Packets of any duration are decoded in one stream, with exact times.
func TestADPCMIsRecordedAsLPCM(t *testing.T) {
	for name, c := range map[string]struct {
		decoder adpcmDecoder
		rate    int
		bytes   []int // of the packets
		ticks   []uint32
	}{
		"g722":         {g722.NewDecoder(), 16000, []int{160, 80, 161}, []uint32{0, 160, 240}},
		"g726-16":      {g726.NewDecoder(2, true), 8000, []int{40, 20, 1}, []uint32{0, 160, 240}},
		"g726-24":      {g726.NewDecoder(3, true), 8000, []int{60, 30, 3}, []uint32{0, 160, 240}},
		"g726-32":      {g726.NewDecoder(4, true), 8000, []int{80, 40, 1}, []uint32{0, 160, 240}},
		"g726-40":      {g726.NewDecoder(5, true), 8000, []int{100, 50, 5}, []uint32{0, 160, 240}},
		"aal2-g726-16": {g726.NewDecoder(2, false), 8000, []int{40, 20, 1}, []uint32{0, 160, 240}},
		"aal2-g726-24": {g726.NewDecoder(3, false), 8000, []int{60, 30, 3}, []uint32{0, 160, 240}},
		"aal2-g726-32": {g726.NewDecoder(4, false), 8000, []int{80, 40, 1}, []uint32{0, 160, 240}},
		"aal2-g726-40": {g726.NewDecoder(5, false), 8000, []int{100, 50, 5}, []uint32{0, 160, 240}},
	} {
		b := newBench(t)
		track, begin := b.sound(Format{Name: name, Clock: 8000}), time.Now()
		for seq, n := range c.bytes {
			at := begin.Add(time.Duration(c.ticks[seq]) * time.Second / 8000)
			require.NoError(t, track.Packet(soundPacket(uint16(seq), c.ticks[seq], coded(seq, n)), at))
		}
		track.Close()
		b.Feed.Close()
		require.Len(t, b.Publisher.Units, len(c.bytes), name)
		for seq, u := range b.Publisher.Units {
			require.Equal(t, [][]byte{c.decoder.Append(nil, coded(seq, c.bytes[seq]))}, u.NALs, name)
			require.EqualValues(t, c.decoder.Samples(c.bytes[seq]), u.AU.DurationTicks, name)
			require.EqualValues(t, int(c.ticks[seq])*c.rate/8000, u.AU.DTS-b.Publisher.Units[0].AU.DTS, name)
		}
		require.Empty(t, b.Publisher.Losses, name)
		require.Equal(t, media.Track{
			Codec: codec.LPCM, Timescale: uint32(c.rate), SampleRate: c.rate, Channels: 1, ParameterSets: [][]byte{{1, 16}},
		}, b.Publisher.Sets[0][0], name)
	}
}

// After a loss a decoder begins anew, and the loss is counted. A packet without sound does no harm.
func TestADPCMIsDecodedAnewAfterALoss(t *testing.T) {
	b := newBench(t)
	track, begin := b.sound(Format{Name: "g722", Clock: 8000}), time.Now()
	for i, seq := range []uint16{65534, 65535, 0, 3, 4} {
		n := 160
		if seq == 0 {
			n = 0
		}
		ticks := uint32(seq-65534) * 160
		require.NoError(t, track.Packet(soundPacket(seq, ticks, coded(i, n)), begin.Add(time.Duration(ticks)*time.Second/8000)))
	}
	track.Close()
	b.Feed.Close()
	d := g722.NewDecoder()
	require.Len(t, b.Publisher.Units, 4)
	for n, i := range []int{0, 1, 3, 4} {
		if i == 3 {
			d.Reset()
		}
		require.Equal(t, [][]byte{d.Append(nil, coded(i, 160))}, b.Publisher.Units[n].NALs, "packet %d", i)
	}
	require.EqualValues(t, 2, b.Publisher.Losses[media.DropRTPLoss])
}

// A sender that announces the sample rate of G.722 may use times of either rate.
func TestG722HasTimesOfEitherRate(t *testing.T) {
	for _, clock := range []uint32{8000, 16000} {
		b := newBench(t)
		track, begin := b.sound(Format{Name: "g722", Clock: 16000}), time.Now()
		for seq := range 20 {
			at := begin.Add(time.Duration(seq) * 20 * time.Millisecond)
			require.NoError(t, track.Packet(soundPacket(uint16(seq), uint32(seq)*clock/50, coded(seq, 160)), at))
		}
		track.Close()
		b.Feed.Close()
		require.Len(t, b.Publisher.Units, 20)
		for seq, u := range b.Publisher.Units {
			require.EqualValues(t, 320*seq, u.AU.DTS-b.Publisher.Units[0].AU.DTS, "%d Hz, packet %d", clock, seq)
		}
	}
}

func TestADPCMOfStaticTypesAndOtherNames(t *testing.T) {
	for pt, name := range map[uint8]string{2: "g726-32", 9: "g722"} {
		f := Format{PayloadType: pt}
		f.Complete("audio")
		require.Equal(t, name, f.Name)
		require.EqualValues(t, 8000, f.Clock)
	}
	_, err := (&Format{Name: "g722", Clock: 8000, Channels: 2}).Config(Options{})
	require.EqualError(t, err, "g722 with 2 channels")
}

// A packet without a whole sample is lost, and counted.
func TestACutADPCMPacketIsCounted(t *testing.T) {
	b := newBench(t)
	track := b.sound(Format{Name: "g726-40", Clock: 8000})
	for seq, n := range []int{5, 0, 5} {
		require.NoError(t, track.Packet(soundPacket(uint16(seq), uint32(seq), make([]byte, n)), time.Now()))
	}
	_, err := track.audio.unpack(soundPacket(0, 0, nil), nil)
	require.ErrorIs(t, err, errShort)
	track.Close()
	b.Feed.Close()
	require.Len(t, b.Publisher.Of(codec.LPCM), 2)
}

func TestUnpackingADPCMDoesNotAllocate(t *testing.T) {
	b := newBench(t)
	for _, name := range []string{"g722", "g726-32"} {
		track, p := b.sound(Format{Name: name, Clock: 8000}), soundPacket(0, 0, coded(0, 160))
		_, err := track.audio.unpack(p, nil)
		require.NoError(t, err)
		require.Zero(t, testing.AllocsPerRun(10, func() { _, _ = track.audio.unpack(p, nil) }), name)
	}
	b.Feed.Close()
}
