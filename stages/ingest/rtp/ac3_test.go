package rtp

import (
	"bytes"
	"encoding/hex"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
)

// Headers of frames that ffmpeg encoded: of AC-3, 48 kHz, and of E-AC-3, 48 kHz.
const (
	stereoAC3    = "0b772562144043e106f46370c0c0c218"
	surroundEAC3 = "0b7702ff3f87c00020d8000002000000"
)

// framed returns a frame of n bytes that begins with a header.
func framed(t testing.TB, header string, n int, fill byte) []byte {
	b, err := hex.DecodeString(header)
	require.NoError(t, err)
	return append(b, bytes.Repeat([]byte{fill}, n-len(b))...)
}

// dolbyPacket is a packet to be sent.
type dolbyPacket struct {
	kind   byte // the first byte of the payload
	data   []byte
	marker bool
	after  uint32 // ticks to the next packet
	lost   bool
}

// sent returns what a track makes of packets.
func sent(t *testing.T, name string, packets []dolbyPacket) *bench {
	b := newBench(t)
	track := b.sound(Format{Name: name, Clock: 48000})
	begin, ticks := time.Now(), uint32(0)
	for seq, p := range packets {
		if !p.lost {
			packet := soundPacket(uint16(seq), ticks, append([]byte{p.kind, 1}, p.data...))
			packet.Marker = p.marker
			require.NoError(t, track.Packet(packet, begin.Add(time.Duration(ticks)*time.Second/48000)))
		}
		ticks += p.after
	}
	track.Close()
	b.Feed.Close()
	return b
}

// requireUnits requires that a bench has access units of 1536 samples, one after the other.
func (b *bench) requireUnits(t *testing.T, want ...[]byte) {
	t.Helper()
	require.Len(t, b.Publisher.Units, len(want))
	at := b.Publisher.Units[0].AU.DTS
	for i, u := range b.Publisher.Units {
		require.Equal(t, [][]byte{want[i]}, u.NALs)
		require.Equal(t, at, u.AU.DTS)
		require.EqualValues(t, 1536, u.AU.DurationTicks)
		at += 1536
	}
}

func TestAC3FramesAreTakenFromPackets(t *testing.T) {
	one, two, three := framed(t, stereoAC3, 768, 1), framed(t, stereoAC3, 768, 2), framed(t, stereoAC3, 768, 3)
	b := sent(t, "ac3", []dolbyPacket{
		{kind: 0, data: append(one[:768:768], two...), after: 2 * 1536},
		{kind: 1, data: three[:500]},
		{kind: 3, data: three[500:600]},
		{kind: 3, data: three[600:], marker: true, after: 1536},
		{kind: 2, data: one[:300]},
		{kind: 3, data: one[300:], marker: true, after: 1536},
	})
	b.requireUnits(t, one, two, three, one)
	require.Len(t, b.Publisher.Sets, 1)
	require.Equal(t, codec.AC3, b.Publisher.Sets[0][0].Codec)
	require.Equal(t, [2]int{48000, 2}, [2]int{b.Publisher.Sets[0][0].SampleRate, b.Publisher.Sets[0][0].Channels})
	require.Empty(t, b.Publisher.Losses)
}

func TestEAC3UnitsAreTakenFromPackets(t *testing.T) {
	one, two := framed(t, surroundEAC3, 1536, 1), framed(t, surroundEAC3, 1536, 2)
	b := sent(t, "eac3", []dolbyPacket{
		{kind: 0, data: append(one[:1536:1536], two...), marker: true, after: 2 * 1536},
		{kind: 1, data: two[:1000]},
		{kind: 1, data: two[1000:1300]},
		{kind: 1, data: two[1300:], marker: true, after: 1536},
		{kind: 1, data: one[:1000]},
		{kind: 1, data: one[1000:], marker: true, after: 1536},
	})
	b.requireUnits(t, one, two, two, one)
	require.Len(t, b.Publisher.Sets, 1)
	require.Equal(t, codec.EAC3, b.Publisher.Sets[0][0].Codec)
	require.Equal(t, [2]int{48000, 6}, [2]int{b.Publisher.Sets[0][0].SampleRate, b.Publisher.Sets[0][0].Channels})
	require.Empty(t, b.Publisher.Losses)
}

// A packet that is damaged, or whose other fragments are lost, is counted, and the track goes on.
func TestDamagedDolbyPacketsAreCounted(t *testing.T) {
	for name, frame := range map[string][]byte{"ac3": framed(t, stereoAC3, 768, 1), "eac3": framed(t, surroundEAC3, 1536, 1)} {
		begins, goesOn := byte(1), map[string]byte{"ac3": 3, "eac3": 1}[name]
		b := sent(t, name, []dolbyPacket{
			{data: frame, after: 1536},
			{data: frame[:100], after: 1536},
			{data: []byte("no frame"), after: 1536},
			{data: nil, after: 1536},
			{kind: begins, data: frame[:200]},
			{lost: true},
			{kind: goesOn, data: frame[400:], marker: true, after: 1536},
			{data: frame, after: 1536},
		})
		require.Len(t, b.Publisher.Units, 2, name)
		require.EqualValues(t, 4, b.Publisher.Losses[media.DropRTPMalformed], name)
	}
}

// Packets allocate nothing once a track is described.
func TestDolbyPacketsAllocateNothing(t *testing.T) {
	for _, c := range []struct {
		p     AudioPayload
		frame []byte
	}{{&ac3Payload{}, framed(t, stereoAC3, 768, 1)}, {&eac3Payload{}, framed(t, surroundEAC3, 1536, 1)}} {
		p := soundPacket(1, 0, append([]byte{0, 1}, c.frame...))
		describe := func([]byte) error { return nil }
		unpack := func() {
			if frames, err := c.p.unpack(p, describe); err != nil || len(frames) != 1 {
				t.Fatal(frames, err)
			}
		}
		unpack()
		require.Zero(t, testing.AllocsPerRun(100, unpack))
	}
}

// FuzzDolby: no packets break the depacketizers, and each unit that they return is whole.
func FuzzDolby(f *testing.F) {
	f.Add(append([]byte{0, 1}, framed(f, stereoAC3, 768, 1)...), false)
	f.Add(append([]byte{0, 1}, framed(f, surroundEAC3, 1536, 1)...), true)
	f.Add(append([]byte{1, 2}, framed(f, stereoAC3, 768, 1)[:400]...), false)
	f.Fuzz(func(t *testing.T, payload []byte, marker bool) {
		for _, d := range []AudioPayload{&ac3Payload{}, &eac3Payload{}} {
			for seq := range uint16(3) {
				p := &rtp.Packet{Header: rtp.Header{SequenceNumber: seq, Marker: marker}, Payload: payload}
				frames, err := d.unpack(p, func([]byte) error { return nil })
				require.True(t, err == nil || frames == nil)
				for _, frame := range frames {
					require.Equal(t, []byte{0x0b, 0x77}, frame[:2])
				}
				if len(frames) > 0 {
					require.Positive(t, d.duration(1, 48000))
				}
			}
		}
	})
}
