package codec

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

func TestAFLACEntryIsReadAsItWasWritten(t *testing.T) {
	for _, info := range []FLACInfo{
		{MinBlock: 4608, MaxBlock: 4608, Rate: 44100, Channels: 2, Bits: 16},
		{MinBlock: 16, MaxBlock: 65535, Rate: 1, Channels: 1, Bits: 4},
		{MinBlock: 192, MaxBlock: 4096, Rate: 192000, Channels: 8, Bits: 24},
		{MinBlock: 4096, MaxBlock: 4096, Rate: 1<<20 - 1, Channels: 6, Bits: 32},
	} {
		track := media.Track{Codec: FLAC, Timescale: uint32(info.Rate), ParameterSets: [][]byte{info.Set()}}
		require.NoError(t, Complete(&track))
		require.NoError(t, track.Validate())
		require.Equal(t, []int{info.Rate, info.Channels}, []int{track.SampleRate, track.Channels})
		require.Equal(t, track, readBack(t, track))
		again, err := ReadFLACInfo(track.ParameterSets[0])
		require.NoError(t, err)
		require.Equal(t, info, again)
	}
}

// The fields that describe a whole stream are unknown in a recording, and the rate of the sample entry has 16 bits.
func TestAFLACEntryDescribesNoWholeStream(t *testing.T) {
	set := FLACInfo{MinBlock: 4608, MaxBlock: 4608, Rate: 192000, Channels: 2, Bits: 24}.Set()
	known := append([]byte{}, set...)
	for _, i := range []int{4, 9, 17, 33} { // the sizes of the frames, the number of samples, the MD5 sum
		known[i] = 7
	}
	track, err := Describe(FLAC, 192000, [][]byte{known})
	require.NoError(t, err)
	require.Equal(t, [][]byte{set}, track.ParameterSets)
	var w isobmff.Writer
	_, err = WriteSampleEntry(&w, &track)
	require.NoError(t, err)
	entry, ok := isobmff.ReadAudioEntry(isobmff.Find(isobmff.Find(w.B, "stsd")[8:], "fLaC"))
	require.True(t, ok)
	require.Equal(t, []int{48000, 2, 24}, []int{entry.Rate, entry.Channels, entry.Bits})
}

func TestADamagedFLACConfigurationIsRefused(t *testing.T) {
	whole := FLACInfo{MinBlock: 16, MaxBlock: 16, Rate: 8000, Channels: 1, Bits: 16}
	blocks, rate := whole, whole
	blocks.MinBlock, rate.Rate = 17, 0
	for says, set := range map[string][]byte{
		"STREAMINFO is cut":                         whole.Set()[:33],
		"STREAMINFO has blocks of 17 to 16 samples": blocks.Set(),
		"STREAMINFO has 0 Hz, 16 bits":              rate.Set(),
	} {
		require.EqualError(t, Complete(&media.Track{Codec: FLAC, Timescale: 8000, ParameterSets: [][]byte{set}}), says)
	}
	require.EqualError(t, Complete(&media.Track{Codec: FLAC, Timescale: 8000}), "no STREAMINFO")

	var w isobmff.Writer
	track := media.Track{Codec: FLAC, Timescale: 8000, ParameterSets: [][]byte{whole.Set()}}
	_, err := WriteSampleEntry(&w, &track)
	require.NoError(t, err)
	stsd := isobmff.Find(w.B, "stsd")
	stsd[len(stsd)-flacInfoBytes-4] = 4 // a Vorbis comment
	_, err = ReadSampleEntry(stsd, 8000)
	require.EqualError(t, err, "dfLa does not begin with STREAMINFO")
}
