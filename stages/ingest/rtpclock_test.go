package ingest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
)

// AudioSpecificConfigs of AAC with 24000 and 48000 Hz.
var (
	ascImplicit   = fromHex("1310")       // LC of 24000: nothing is said of SBR
	ascHierarchic = fromHex("2b118800")   // SBR
	ascPS         = fromHex("eb098800")   // SBR and PS of one channel
	ascBehind     = fromHex("131056e598") // LC, and SBR where older decoders do not look
)

// aacTrack is a track that announces a clock, with frames of 1024 samples of
// 24000 Hz unless the configuration has no SBR.
func (b *bench) aacTrack(asc []byte, announced uint32) *RTPTrack {
	a, err := codec.ReadAudioSpecificConfig(asc)
	require.NoError(b.t, err)
	core := uint32(a.CoreRate)
	t, err := b.feed.AddRTPTrack(RTPConfig{
		Track:       TrackConfig{Codec: codec.AAC, Timescale: announced, ParameterSets: [][]byte{asc}},
		Audio:       rawAudio{frames{int64(a.FrameSamples), core}},
		OtherClocks: []uint32{core, uint32(a.Rate), 2 * core, 90000},
	})
	require.NoError(b.t, err)
	return t
}

// A frame of 1024 samples at 24000 Hz lasts 42.7 ms, whatever is announced and
// whatever clock the sender's times run at: sound stays beside the picture.
func TestSoundLastsAsLongAsItIs(t *testing.T) {
	for _, asc := range [][]byte{ascImplicit, ascHierarchic, ascPS, ascBehind} {
		for _, announced := range []uint32{24000, 48000, 90000} {
			for _, sends := range []uint32{24000, 48000, 90000} {
				t.Run(fmt.Sprintf("%x announces %d, sends %d", asc, announced, sends), func(t *testing.T) {
					b := newBench(t)
					v, a := b.video(codec.H264, baseline, ppsX264), b.aacTrack(asc, announced)
					const hour = uint64(3600) << 32
					v.SenderReport(hour, 0)
					a.SenderReport(hour, 7*sends) // of the sender's own clock
					for i := range uint32(100) {
						b.send(v, i*3840, true, idr...)
						b.send(a, 7*sends+uint32(uint64(i)*1024*uint64(sends)/24000), true, 0xaa, byte(i))
						b.now = b.now.Add(1024 * time.Second / 24000)
					}
					b.feed.Close()
					sound := b.shelf.of(codec.AAC)
					require.Len(t, sound, 100)
					require.Empty(t, b.shelf.lost)
					for i, u := range sound {
						require.Equal(t, byte(i), u.nals[0][1])
						require.InDelta(t, float64(i)*1024*float64(announced)/24000, float64(u.au.PTS), 1, "frame %d", i)
					}
					if announced != sends {
						require.Contains(t, b.log.String(), "do not run at the clock")
					} else {
						require.NotContains(t, b.log.String(), "do not run at the clock")
					}
				})
			}
		}
	}
}

// Several frames in a packet count as many; what is lost, stands still or comes
// once is no proof.
func TestOnlyTimesThatFollowEachOtherDecideOnAClock(t *testing.T) {
	b := newBench(t)
	a := b.aacTrack(ascHierarchic, 48000)
	b.send(a, 0, true, 0xaa)
	b.send(a, 1024, true, 0xaa) // one frame of 24000
	b.seq[a]++
	b.send(a, 3072, true, 0xaa) // a packet is missing
	b.send(a, 3072, true, 0xaa)
	b.send(a, 3100, true, 0xaa)
	require.NotNil(t, a.trial)
	b.send(a, 3100+2048, true, 0xaa)
	require.Nil(t, a.trial)
	require.EqualValues(t, 48000, a.clock)

	lying := b.aacTrack(ascHierarchic, 48000)
	b.send(lying, 0, true, 0xaa)
	b.send(lying, 1024, true, 0) // damaged, and a frame is missing
	b.send(lying, 2048, true, 0xaa)
	require.NotNil(t, lying.trial)
	for i := range uint32(3) {
		b.send(lying, 3072+i*1024, true, 0xaa)
	}
	require.EqualValues(t, 24000, lying.clock)

	odd := b.aacTrack(ascHierarchic, 48000)
	for i := range uint32(trialPackets) {
		require.NotNil(t, odd.trial)
		b.send(odd, i*777, true, 0xaa)
	}
	require.Nil(t, odd.trial, "what was announced holds")
	require.EqualValues(t, 48000, odd.clock)
	b.feed.Close()
}

// A track that ends early loses nothing of what was held.
func TestAShortTrackIsWrittenWhole(t *testing.T) {
	b := newBench(t)
	a := b.aacTrack(ascHierarchic, 48000)
	b.send(a, 0, true, 0xaa)
	a.Close()
	b.feed.Close()
	require.Len(t, b.shelf.units, 1)
}
