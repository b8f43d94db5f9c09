package rtp

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
)

// Each packet is one access unit, of the duration that its first bytes give (RFC 6716, 3.1). The track is in stereo from
// the first packet in stereo on.
func TestOpusPacketsAreAccessUnits(t *testing.T) {
	b := newBench(t)
	track := b.sound(Format{Name: "opus", Clock: 48000, Channels: 2})
	begin, ticks, at := time.Now(), uint32(4_000_000_000), int64(0)
	for seq, c := range []struct {
		packet   []byte
		ticks    int64
		channels int
	}{
		{[]byte{0x48, 1, 2}, 960, 1},        // SILK, 20 ms, mono
		{[]byte{0xfc, 1, 2}, 960, 2},        // CELT, 20 ms, stereo
		{[]byte{0xf8, 1}, 960, 2},           // mono between stereo
		{[]byte{0xe1, 1, 2}, 240, 2},        // two frames of 2.5 ms
		{[]byte{0x1b, 0x02, 1, 2}, 5760, 2}, // two of 60 ms
		{[]byte{0xfc}, 960, 2},              // silence (DTX)
	} {
		require.NoError(t, track.Packet(soundPacket(uint16(seq), ticks, c.packet), begin.Add(time.Duration(ticks-4_000_000_000)*time.Second/48000)))
		ticks += uint32(c.ticks)
		_ = at
	}
	track.Close()
	b.Feed.Close()
	require.Len(t, b.Publisher.Units, 6)
	for i, want := range []int64{960, 960, 960, 240, 5760, 960} {
		u := b.Publisher.Units[i]
		require.Equal(t, want, u.AU.DurationTicks)
		require.Equal(t, b.Publisher.Units[0].AU.DTS+at, u.AU.DTS)
		at += want
		require.Equal(t, min(i, 1)+1, b.Publisher.Sets[u.Set-1][0].Channels)
	}
	require.Len(t, b.Publisher.Sets, 2)
	require.Empty(t, b.Publisher.Losses)
}

func TestAMalformedOpusPacketIsCounted(t *testing.T) {
	b := newBench(t)
	track := b.sound(Format{Name: "opus", Clock: 48000, Channels: 2})
	for seq, p := range [][]byte{{0xfc, 1}, {}, {0xfb}, {0xfb, 0}, {0x1b, 0x3f}, {0xfc, 2}} {
		require.NoError(t, track.Packet(soundPacket(uint16(seq), uint32(seq*960), p), time.Now()))
	}
	track.Close()
	b.Feed.Close()
	require.Len(t, b.Publisher.Of(codec.Opus), 2)
	require.EqualValues(t, 3, b.Publisher.Losses[media.DropRTPMalformed])
}

func TestOpusOfMoreChannelsHasItsMapping(t *testing.T) {
	f := Format{Name: "multiopus", Clock: 48000, Channels: 6}
	f.ReadParameters("channel_mapping=0,4,1,2,3,5;num_streams=4;coupled_streams=2")
	b := newBench(t)
	track := b.sound(f)
	require.NoError(t, track.Packet(soundPacket(1, 0, []byte{0xfc, 1}), time.Now()))
	b.Feed.Close()
	require.Equal(t, codec.OpusConfig{Channels: 6, Mapping: []byte{4, 2, 0, 4, 1, 2, 3, 5}}.Set(), b.Publisher.Sets[0][0].ParameterSets[0])
	for _, bad := range []string{"", "channel_mapping=0,4,1,2,3;num_streams=4;coupled_streams=2", "channel_mapping=0,9,1,2,3,5;num_streams=4;coupled_streams=2", "channel_mapping=0,4,1,2,3,5;num_streams=1;coupled_streams=5"} {
		f = Format{Name: "multiopus", Clock: 48000, Channels: 6}
		f.ReadParameters(bad)
		_, err := f.Config(Options{})
		require.EqualError(t, err, "unreadable-multiopus", bad)
	}
}
