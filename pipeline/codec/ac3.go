package codec

import (
	"errors"
	"fmt"

	"github.com/gospool/spool/pipeline/codec/ac3"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// AC3 is AC-3 (ETSI TS 102 366). A track has one parameter set, the payload of the box dac3 (annex F.4), which
// ac3.Frame.Set returns.
var AC3 = Register(Codec{
	CodecTraits: media.CodecTraits{Name: "ac-3", Kind: media.Audio, ParameterSets: true},
	Title:       "AC-3",
	Describe:    describeAC3,
	MIME:        func(*media.Track) string { return "ac-3" },
	// The blocks of the transform overlap.
	RollDistance: -1,
	MayBeZeros:   true, // in silence
	Entry:        SampleEntry{Types: []string{"ac-3"}, Config: "dac3", Write: writeEntryAC3, Read: readEntryAC3},
})

// describeAC3 implements Codec.Describe.
func describeAC3(t *media.Track) error {
	if len(t.ParameterSets) == 0 {
		return errors.New("no dac3")
	}
	f, err := ac3.ReadSet(t.ParameterSets[0])
	if err != nil {
		return fmt.Errorf("dac3: %w", err)
	}
	setAC3(t, f.Rate, f.Channels)
	return nil
}

// setAC3 sets the fields of a track whose access units have 1536 samples.
func setAC3(t *media.Track, rate, channels int) {
	t.SampleRate, t.Channels, t.FrameDurationTicks = rate, channels, 0
	if int(t.Timescale) == rate {
		t.FrameDurationTicks = ac3.UnitSamples
	}
}

// writeEntryAC3 writes a sample entry (ETSI TS 102 366, F.3).
func writeEntryAC3(w *isobmff.Writer, fourcc string, t *media.Track) (isobmff.PixelAspect, error) {
	return writeConfigured(w, fourcc, "dac3", t)
}

func readEntryAC3(entry []byte, t *media.Track) error {
	if err := readConfigured(entry, "dac3", t); err != nil {
		return err
	}
	return describeAC3(t)
}
