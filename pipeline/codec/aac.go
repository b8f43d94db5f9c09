package codec

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/gospool/spool/pipeline/media"
)

// AAC is ISO/IEC 14496-3. A track has one parameter set, the AudioSpecificConfig.
var AAC = Register(Codec{
	CodecTraits: media.CodecTraits{Name: "aac", Kind: media.Audio, ParameterSets: true},
	Title:       "AAC",
	Describe:    describeAAC,
	MIME:        mimeAAC,
	// A decoder must decode one more frame before the frame with which it starts (ISO/IEC 14496-14, 3.1.1).
	RollDistance: -1,
	Entry:        entryAAC,
})

// describeAAC implements Codec.Describe: it sets SampleRate, Channels and FrameDurationTicks from the track's
// AudioSpecificConfig. ParameterSets then holds only a copy of that configuration.
func describeAAC(t *media.Track) error {
	if len(t.ParameterSets) == 0 {
		return errors.New("no AudioSpecificConfig")
	}
	asc := t.ParameterSets[0]
	a, err := ReadAudioSpecificConfig(asc)
	if err != nil {
		return fmt.Errorf("AudioSpecificConfig %x: %w", asc[:min(len(asc), 16)], err)
	}
	t.SampleRate, t.Channels, t.FrameDurationTicks = a.Rate, a.Channels, a.frameTicks(t.Timescale)
	t.ParameterSets = [][]byte{bytes.Clone(asc)}
	return nil
}
