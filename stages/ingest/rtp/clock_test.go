package rtp

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/stages/ingest"
	"github.com/gospool/spool/stages/ingest/ingesttest"
)

// AudioSpecificConfigs of AAC with 24000 and 48000 Hz.
var (
	ascImplicit   = ingesttest.Hex("1310")       // LC of 24000: SBR is not signalled
	ascHierarchic = ingesttest.Hex("2b118800")   // SBR
	ascPS         = ingesttest.Hex("eb098800")   // SBR and PS of one channel
	ascBehind     = ingesttest.Hex("131056e598") // LC, with SBR signalled where older decoders do not look
)

// aacTrack adds a track that announces a clock, with frames of 1024 samples of 24000 Hz unless the configuration has
// no SBR.
func (b *bench) aacTrack(asc []byte, announced uint32) *Track {
	a, err := codec.ReadAudioSpecificConfig(asc)
	require.NoError(b.T, err)
	core := uint32(a.CoreRate)
	t, err := Add(b.Feed, Config{
		Track:       ingest.TrackConfig{Codec: codec.AAC, Timescale: announced, ParameterSets: [][]byte{asc}},
		Audio:       rawAudio{frames{int64(a.FrameSamples), core}},
		OtherClocks: []uint32{core, uint32(a.Rate), 2 * core, 90000},
	})
	require.NoError(b.T, err)
	return t
}

// A frame of 1024 samples at 24000 Hz lasts 42.7 ms, whatever clock is announced or used: sound stays in sync with
// the picture.
func TestSoundKeepsItsDuration(t *testing.T) {
	for _, asc := range [][]byte{ascImplicit, ascHierarchic, ascPS, ascBehind} {
		for _, announced := range []uint32{24000, 48000, 90000} {
			for _, sends := range []uint32{24000, 48000, 90000} {
				t.Run(fmt.Sprintf("%x announces %d, sends %d", asc, announced, sends), func(t *testing.T) {
					b := newBench(t)
					v, a := b.Video(codec.H264, ingesttest.Baseline, ingesttest.PPSX264), b.aacTrack(asc, announced)
					const hour = uint64(3600) << 32
					v.SenderReport(hour, 0)
					a.SenderReport(hour, 7*sends) // of the sender's own clock
					for i := range uint32(100) {
						b.Send(v, i*3840, true, ingesttest.IDR...)
						b.Send(a, 7*sends+uint32(uint64(i)*1024*uint64(sends)/24000), true, 0xaa, byte(i))
						b.Now = b.Now.Add(1024 * time.Second / 24000)
					}
					b.Feed.Close()
					sound := b.Publisher.Of(codec.AAC)
					require.Len(t, sound, 100)
					require.Empty(t, b.Publisher.Losses)
					for i, u := range sound {
						require.Equal(t, byte(i), u.NALs[0][1])
						require.InDelta(t, float64(i)*1024*float64(announced)/24000, float64(u.AU.PTS), 1, "frame %d", i)
					}
					if announced != sends {
						require.Contains(t, b.Log.String(), "do not run at the announced clock")
					} else {
						require.NotContains(t, b.Log.String(), "do not run at the announced clock")
					}
				})
			}
		}
	}
}

// Several frames in a packet count as several; a loss, a time that stands still, and a single occurrence are no
// proof.
func TestOnlyTimesThatFollowEachOtherDecideOnAClock(t *testing.T) {
	b := newBench(t)
	a := b.aacTrack(ascHierarchic, 48000)
	b.Send(a, 0, true, 0xaa)
	b.Send(a, 1024, true, 0xaa) // one frame of 24000
	b.Seq[a]++
	b.Send(a, 3072, true, 0xaa) // a packet is missing
	b.Send(a, 3072, true, 0xaa)
	b.Send(a, 3100, true, 0xaa)
	require.NotNil(t, a.trial)
	b.Send(a, 3100+2048, true, 0xaa)
	require.Nil(t, a.trial)
	require.EqualValues(t, 48000, a.clockHz)

	lying := b.aacTrack(ascHierarchic, 48000)
	b.Send(lying, 0, true, 0xaa)
	b.Send(lying, 1024, true, 0) // damaged, and a frame is missing
	b.Send(lying, 2048, true, 0xaa)
	require.NotNil(t, lying.trial)
	for i := range uint32(3) {
		b.Send(lying, 3072+i*1024, true, 0xaa)
	}
	require.EqualValues(t, 24000, lying.clockHz)

	odd := b.aacTrack(ascHierarchic, 48000)
	for i := range uint32(trialPackets) {
		require.NotNil(t, odd.trial)
		b.Send(odd, i*777, true, 0xaa)
	}
	require.Nil(t, odd.trial, "the announced rate holds")
	require.EqualValues(t, 48000, odd.clockHz)
	b.Feed.Close()
}

// A track that ends early loses no held frame.
func TestAShortTrackIsWrittenWhole(t *testing.T) {
	b := newBench(t)
	a := b.aacTrack(ascHierarchic, 48000)
	b.Send(a, 0, true, 0xaa)
	a.Close()
	b.Feed.Close()
	require.Len(t, b.Publisher.Units, 1)
}

// Several consecutive packets with wrong times do not make later times wrap.
func TestTimesGoOnBehindSeveralOutliers(t *testing.T) {
	var u unwrapper
	const base = 1 << 20
	require.EqualValues(t, base, u.next(base))
	for i := range int64(50) {
		for k := range int64(3) {
			for range 3 {
				u.next(uint32(base + i*3600 + (k+1)*1_431_655_765))
			}
		}
		for range 3 {
			require.Equal(t, base+i*3600, u.next(uint32(base+i*3600)), "picture %d", i)
		}
	}
}
