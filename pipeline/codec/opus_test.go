package codec

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

func TestAnOpusEntryIsReadAsItWasWritten(t *testing.T) {
	for _, c := range []OpusConfig{{Channels: 1}, {Channels: 2, PreSkip: 312}, {Channels: 6, Mapping: []byte{4, 2, 0, 4, 1, 2, 3, 5}}} {
		track := media.Track{Codec: Opus, Timescale: OpusRate, ParameterSets: [][]byte{c.Set()}}
		require.NoError(t, Complete(&track))
		require.NoError(t, track.Validate())
		require.Equal(t, c.Channels, track.Channels)
		require.Equal(t, track, readBack(t, track))
	}
}

func TestADamagedOpusConfigurationIsRefused(t *testing.T) {
	for says, set := range map[string][]byte{
		"dOps is cut":                        {0, 2, 0, 0},
		"dOps of version 1":                  {1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0},
		"3 channels in mapping family 0":     {0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0},
		"0 channels in mapping family 1":     {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0},
		"the channel mapping of dOps is cut": {0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 1, 0, 1},
	} {
		require.EqualError(t, Complete(&media.Track{Codec: Opus, Timescale: OpusRate, ParameterSets: [][]byte{set}}), says)
	}
	require.EqualError(t, Complete(&media.Track{Codec: Opus, Timescale: OpusRate}), "no dOps")
}
