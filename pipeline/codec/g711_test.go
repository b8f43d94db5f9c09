package codec

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

func TestAG711EntryIsReadAsItWasWritten(t *testing.T) {
	for fourcc, codec := range map[string]media.Codec{"ulaw": MuLaw, "alaw": ALaw} {
		for channels, rate := range map[int]int{1: 8000, 2: 16000, 3: 96000} {
			track := media.Track{Codec: codec, Timescale: uint32(rate), SampleRate: rate, Channels: channels}
			require.NoError(t, Complete(&track))
			require.NoError(t, track.Validate())
			require.Equal(t, track, readBack(t, track))
			require.Equal(t, fourcc, Of(codec).MIME(&track))
			require.False(t, Dense(fourcc), "zeros are loud, but they are samples")
		}
	}
	require.EqualError(t, Complete(&media.Track{Codec: MuLaw, Timescale: 8000, SampleRate: 8000}), "8000 Hz, 0 channels")
	_, err := ReadSampleEntry([]byte("\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x10ulaw\x00\x00\x00\x00\x00\x00\x00\x01"), 8000)
	require.EqualError(t, err, "the sample entry is cut")
}
