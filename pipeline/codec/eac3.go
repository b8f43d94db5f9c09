package codec

import (
	"errors"
	"fmt"

	"github.com/gospool/spool/pipeline/codec/ac3"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// EAC3 is Enhanced AC-3 (ETSI TS 102 366, annex E). An access unit has the frames of all substreams for six blocks. A
// track has one parameter set, the payload of the box dec3 (annex F.6), which ac3.Unit.Set returns.
var EAC3 = Register(Codec{
	CodecTraits: media.CodecTraits{Name: "e-ac-3", Kind: media.Audio, ParameterSets: true},
	Title:       "E-AC-3",
	Describe:    describeEAC3,
	MIME:        func(*media.Track) string { return "ec-3" },
	// The blocks of the transform overlap.
	RollDistance: -1,
	MayBeZeros:   true, // in silence
	Entry:        SampleEntry{Types: []string{"ec-3"}, Config: "dec3", Write: writeEntryEAC3, Read: readEntryEAC3},
})

// describeEAC3 implements Codec.Describe.
func describeEAC3(t *media.Track) error {
	if len(t.ParameterSets) == 0 {
		return errors.New("no dec3")
	}
	rate, channels, err := ac3.ReadEnhancedSet(t.ParameterSets[0])
	if err != nil {
		return fmt.Errorf("dec3: %w", err)
	}
	setAC3(t, rate, channels)
	return nil
}

// writeEntryEAC3 writes a sample entry (ETSI TS 102 366, F.5).
func writeEntryEAC3(w *isobmff.Writer, fourcc string, t *media.Track) (isobmff.PixelAspect, error) {
	return writeConfigured(w, fourcc, "dec3", t)
}

func readEntryEAC3(entry []byte, t *media.Track) error {
	if err := readConfigured(entry, "dec3", t); err != nil {
		return err
	}
	return describeEAC3(t)
}
