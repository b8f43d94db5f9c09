package codec

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

func TestAG711EntryIsReadAsItWasWritten(t *testing.T) {
	for fourcc, codec := range map[string]media.Codec{"ulaw": MuLaw, "alaw": ALaw} {
		for channels, rate := range map[int]int{1: 8000, 2: 16000, 3: 96000} {
			track := media.Track{Codec: codec, Timescale: uint32(rate), SampleRate: rate, Channels: channels}
			require.NoError(t, Complete(&track))
			require.NoError(t, track.Validate())
			var w isobmff.Writer
			_, err := WriteSampleEntry(&w, &track)
			require.NoError(t, err)
			got, err := ReadSampleEntry(isobmff.Find(w.B, "stsd"), track.Timescale)
			require.NoError(t, err)
			require.Equal(t, track, got)
			require.Equal(t, fourcc, Of(codec).MIME(&track))
			require.False(t, Dense(fourcc), "zeros are loud, but they are samples")
		}
	}
	require.EqualError(t, Complete(&media.Track{Codec: MuLaw, Timescale: 8000, SampleRate: 8000}), "8000 Hz, 0 channels")
	_, err := ReadSampleEntry([]byte("\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x10ulaw\x00\x00\x00\x00\x00\x00\x00\x01"), 8000)
	require.EqualError(t, err, "the sample entry is cut")
}
