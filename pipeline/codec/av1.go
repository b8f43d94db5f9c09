package codec

import (
	"errors"
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"

	"github.com/gospool/spool/pipeline/codec/bitstream"
	"github.com/gospool/spool/pipeline/codec/obu"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// AV1 is "AV1 Bitstream & Decoding Process Specification" 1.0.0. A track has one parameter set, the sequence header OBU
// with its size. An access unit is a temporal unit: OBUs with their sizes, without the temporal delimiter ("AV1 Codec ISO
// Media File Format Binding" 1.2.0, 2.4).
var AV1 = Register(Codec{
	CodecTraits: media.CodecTraits{Name: "av1", Kind: media.Video, ParameterSets: true},
	Title:       "AV1",
	Sync:        keyFrameAV1,
	FromFrame:   fromFrameAV1,
	Describe:    describeAV1,
	MIME:        mimeAV1,
	Brand:       "av01",
	Entry:       SampleEntry{Types: []string{"av01"}, Config: "av1C", Write: writeEntryAV1, Read: readEntryAV1},
})

// keyFrameAV1 reports whether a temporal unit has a sequence header, and its first frame is a key frame that is shown
// (2.5 of the binding).
func keyFrameAV1(unit []byte) bool {
	sequence := false
	for u, rest, ok := obu.Next(unit); ok; u, rest, ok = obu.Next(rest) {
		switch u.Type {
		case obu.SequenceHeader:
			sequence = true
		case obu.Frame, obu.FrameHeader:
			r := bitstream.NewReader(u.Payload) // uncompressed_header, 5.9.2
			shownAgain, kind, shown := r.Flag(), r.Bits(2), r.Flag()
			return !r.Short() && sequence && !shownAgain && kind == 0 && shown
		}
	}
	return false
}

// sequenceHeaderAV1 returns the first sequence header in a list of OBUs.
func sequenceHeaderAV1(list []byte) (u obu.Unit, ok bool) {
	for u, rest, ok := obu.Next(list); ok; u, rest, ok = obu.Next(rest) {
		if u.Type == obu.SequenceHeader {
			return u, true
		}
	}
	return u, false
}

// fromFrameAV1 implements Codec.FromFrame.
func fromFrameAV1(unit []byte, t *media.Track) error {
	u, ok := sequenceHeaderAV1(unit)
	if !ok {
		return errors.New("av1: no sequence header")
	}
	t.ParameterSets = [][]byte{u.Append(nil)}
	return describeAV1(t)
}

// readSequenceAV1 parses the parameter set of a track.
func readSequenceAV1(t *media.Track) (h av1.SequenceHeader, err error) {
	if len(t.ParameterSets) == 0 {
		return h, errors.New("av1: no sequence header")
	}
	u, ok := sequenceHeaderAV1(t.ParameterSets[0])
	if !ok {
		return h, errors.New("av1: the sequence header is malformed")
	}
	if err = h.Unmarshal(append([]byte{byte(u.Type) << 3}, u.Payload...)); err != nil {
		return h, fmt.Errorf("av1: sequence header: %w", err)
	}
	if len(h.SeqLevelIdx) == 0 || len(h.SeqTier) == 0 {
		return h, errors.New("av1: the sequence header has no level")
	}
	return h, nil
}

// describeAV1 implements Codec.Describe.
func describeAV1(t *media.Track) error {
	h, err := readSequenceAV1(t)
	if err == nil {
		t.Width, t.Height = h.Width(), h.Height()
	}
	return err
}

// mimeAV1 returns the codecs parameter with profile, level, tier and bit depth (section 5 of the binding).
func mimeAV1(t *media.Track) string {
	h, err := readSequenceAV1(t)
	if err != nil {
		return "av01"
	}
	tier := "M"
	if h.SeqTier[0] {
		tier = "H"
	}
	return fmt.Sprintf("av01.%d.%02d%s.%02d", h.SeqProfile, h.SeqLevelIdx[0], tier, h.ColorConfig.BitDepth)
}

// writeEntryAV1 writes a sample entry with the box av1C (2.3 of the binding).
func writeEntryAV1(w *isobmff.Writer, fourcc string, t *media.Track) (isobmff.PixelAspect, error) {
	h, err := readSequenceAV1(t)
	if err != nil {
		return isobmff.SquarePixels, err
	}
	c, flags := &h.ColorConfig, byte(h.ColorConfig.ChromaSamplePosition)&3
	for i, flag := range [...]bool{c.SubsamplingY, c.SubsamplingX, c.MonoChrome, c.TwelveBit, c.HighBitDepth, h.SeqTier[0]} {
		if flag {
			flags |= 4 << i
		}
	}
	at := w.OpenVisualEntry(fourcc, t.Width, t.Height)
	config := w.Open("av1C")
	w.Append([]byte{0x81, h.SeqProfile<<5 | h.SeqLevelIdx[0]&31, flags, 0}) // no initial presentation delay
	w.Append(t.ParameterSets[0])
	w.Close(config)
	w.Close(at)
	return isobmff.SquarePixels, nil
}

func readEntryAV1(entry []byte, t *media.Track) error {
	err := readVisual(entry, t, "av1C", func(b []byte) ([][]byte, error) {
		const head = 4 // bytes before configOBUs
		if len(b) < head || b[0] != 0x81 {
			return nil, errors.New("av1C is damaged")
		}
		if u, ok := sequenceHeaderAV1(b[head:]); ok {
			return [][]byte{u.Append(nil)}, nil
		}
		return nil, nil
	})
	if err != nil {
		return err
	}
	return describeAV1(t)
}
