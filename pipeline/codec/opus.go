package codec

import (
	"errors"
	"fmt"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// OpusRate is the sample rate of the decoded sound of all Opus streams, and the timescale of their tracks, Hz.
const OpusRate = 48000

// Opus is RFC 6716. A track has one parameter set, the payload of the box dOps ("Encapsulation of Opus in ISO Base
// Media File Format", 4.3.2).
var Opus = Register(Codec{
	CodecTraits: media.CodecTraits{Name: "opus", Kind: media.Audio, ParameterSets: true},
	Title:       "Opus",
	Describe:    describeOpus,
	MIME:        func(*media.Track) string { return "Opus" },
	// A decoder needs 80 ms (RFC 7845, 4.6): four packets of 20 ms, the duration that senders use.
	RollDistance: -4,
	Entry:        SampleEntry{Types: []string{"Opus"}, Config: "dOps", Write: writeEntryOpus, Read: readEntryOpus},
})

// OpusConfig are the fields of dOps that a sender gives.
type OpusConfig struct {
	Channels int
	// PreSkip is the number of samples that a player drops at the beginning. It is 0 for a live stream, whose times are
	// those of the samples that the decoder returns.
	PreSkip uint16
	Mapping []byte // stream count, coupled count, and a byte for each channel (RFC 7845, 5.1.1); nil: mono or stereo
}

// Set returns the parameter set of a track.
func (c OpusConfig) Set() []byte {
	var w isobmff.Writer
	w.Append([]byte{0, byte(c.Channels)})
	w.U16(c.PreSkip)
	w.U32(OpusRate) // of the sound before it was encoded: unknown
	w.U16(0)        // gain
	if c.Mapping == nil {
		return append(w.B, 0)
	}
	return append(append(w.B, 1), c.Mapping...)
}

// describeOpus implements Codec.Describe.
func describeOpus(t *media.Track) error {
	if len(t.ParameterSets) == 0 {
		return errors.New("no dOps")
	}
	set := t.ParameterSets[0]
	if len(set) < 11 {
		return errors.New("dOps is cut")
	}
	channels := int(set[1])
	switch {
	case set[0] != 0:
		return fmt.Errorf("dOps of version %d", set[0])
	case set[10] == 0 && (channels < 1 || channels > 2), channels == 0:
		return fmt.Errorf("%d channels in mapping family %d", channels, set[10])
	case set[10] != 0 && len(set) < 13+channels:
		return errors.New("the channel mapping of dOps is cut")
	}
	t.SampleRate, t.Channels = OpusRate, channels
	return nil
}

// writeEntryOpus writes a sample entry ("Encapsulation of Opus in ISO Base Media File Format", 4.3.1).
func writeEntryOpus(w *isobmff.Writer, fourcc string, t *media.Track) (isobmff.PixelAspect, error) {
	return writeConfigured(w, fourcc, "dOps", t)
}

func readEntryOpus(entry []byte, t *media.Track) error {
	if err := readConfigured(entry, "dOps", t); err != nil {
		return err
	}
	return describeOpus(t)
}
