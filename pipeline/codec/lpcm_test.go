package codec

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

func TestALPCMEntryIsReadAsItWasWritten(t *testing.T) {
	for _, f := range []LPCMFormat{{Bits: 16}, {Bits: 16, LittleEndian: true}, {Bits: 24}, {Bits: 32, LittleEndian: true}} {
		for channels, rate := range map[int]int{1: 8000, 2: 96000, 6: 48000} {
			track := media.Track{Codec: LPCM, Timescale: uint32(rate), SampleRate: rate, Channels: channels, ParameterSets: [][]byte{f.Set()}}
			require.NoError(t, Complete(&track))
			require.NoError(t, track.Validate())
			require.Equal(t, track, readBack(t, track))
			require.False(t, Dense("ipcm"), "silence is zeros")
		}
	}
}

func TestALPCMTrackNeedsItsFormat(t *testing.T) {
	for says, track := range map[string]media.Track{
		"no format of the samples":         {SampleRate: 8000, Channels: 1},
		"the format of the samples is cut": {SampleRate: 8000, Channels: 1, ParameterSets: [][]byte{{1}}},
		"samples of 8 bits":                {SampleRate: 8000, Channels: 1, ParameterSets: [][]byte{{1, 8}}},
		"0 Hz, 1 channels":                 {Channels: 1, ParameterSets: [][]byte{{1, 16}}},
		"8000 Hz, 0 channels":              {SampleRate: 8000, ParameterSets: [][]byte{{1, 16}}},
	} {
		track.Codec, track.Timescale = LPCM, 8000
		require.EqualError(t, Complete(&track), says)
	}
	_, err := ReadSampleEntry([]byte("\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x24ipcm\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x10\x00\x00\x00\x00\x1f\x40\x00\x00"), 8000)
	require.EqualError(t, err, "the sample entry has no pcmC")
}
