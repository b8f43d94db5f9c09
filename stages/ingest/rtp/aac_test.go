package rtp

import (
	"encoding/hex"
	"testing"

	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/stretchr/testify/require"
)

// TestAACFramesAreAsLongAsTheirCoder checks that a frame's duration follows the core's rate, not the rate of spectral
// band replication, and 960 samples if the configuration says so.
func TestAACFramesAreAsLongAsTheirCoder(t *testing.T) {
	for name, c := range map[string]struct {
		config        string
		samples, rate int64
	}{
		"LC 48000":              {"1190", 1024, 48000},
		"LC 44100":              {"1210", 1024, 44100},
		"LC of 960":             {"1194", 960, 48000},
		"SBR, hierarchic":       {"2b11880000", 1024, 24000},
		"SBR, behind":           {"131056e598", 1024, 24000},
		"SBR, implicit or none": {"131056e500", 1024, 24000},
		"parametric stereo":     {"eb09880000", 1024, 24000},
	} {
		t.Run(name, func(t *testing.T) {
			raw, err := hex.DecodeString(c.config)
			require.NoError(t, err)
			var config mpeg4audio.AudioSpecificConfig
			require.NoError(t, config.Unmarshal(raw))
			generic, err := AACPayload(raw, [3]int{13, 3, 3})
			require.NoError(t, err)
			latm, err := LATMPayload(&format.MPEG4AudioLATM{PayloadTyp: 96, StreamMuxConfig: &mpeg4audio.StreamMuxConfig{
				Programs: []*mpeg4audio.StreamMuxConfigProgram{{Layers: []*mpeg4audio.StreamMuxConfigLayer{{AudioSpecificConfig: &config}}}},
			}})
			require.NoError(t, err)
			for _, a := range []AudioPayload{generic, latm} {
				for _, clock := range []uint32{uint32(c.rate), 48000, 90000} {
					for _, n := range []int{1, 2, 1000} {
						require.Equal(t, (int64(n)*c.samples*int64(clock)+c.rate/2)/c.rate, a.duration(n, clock), "%d frames, clock of %d", n, clock)
					}
				}
			}
		})
	}
}
