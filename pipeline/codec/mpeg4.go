package codec

import (
	"errors"
	"fmt"

	"github.com/gospool/spool/pipeline/codec/mpeg4visual"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// MPEG4 is MPEG-4 part 2 (ISO/IEC 14496-2). A track has one parameter set: the headers of the stream up to its video
// object layer. An access unit is a VOP with the headers before it.
var MPEG4 = Register(Codec{
	CodecTraits: media.CodecTraits{Name: "mpeg4", Kind: media.Video, ParameterSets: true},
	Title:       "MPEG-4 part 2",
	Sync:        mpeg4visual.KeyVOP,
	FromFrame:   fromFrameMPEG4,
	Depth:       depthMPEG4,
	Describe:    describeMPEG4,
	MIME:        mimeMPEG4,
	Entry:       SampleEntry{Types: []string{"mp4v"}, Config: "esds", Write: writeEntryMPEG4, Read: readEntryMPEG4},
})

// fromFrameMPEG4 implements Codec.FromFrame.
func fromFrameMPEG4(unit []byte, t *media.Track) error {
	headers := mpeg4visual.Headers(unit)
	if headers == nil {
		return nil
	}
	t.ParameterSets = [][]byte{headers}
	return describeMPEG4(t)
}

func readHeadersMPEG4(t *media.Track) (mpeg4visual.ObjectLayer, error) {
	if len(t.ParameterSets) == 0 {
		return mpeg4visual.ObjectLayer{}, errors.New("mpeg4: no headers")
	}
	l, err := mpeg4visual.ReadHeaders(t.ParameterSets[0])
	if err != nil {
		err = fmt.Errorf("mpeg4: %w", err)
	}
	return l, err
}

// describeMPEG4 implements Codec.Describe.
func describeMPEG4(t *media.Track) error {
	l, err := readHeadersMPEG4(t)
	t.Width, t.Height = l.Width, l.Height
	return err
}

// depthMPEG4 implements Codec.Depth: the VOP after a B-VOP is decoded before it.
func depthMPEG4(t *media.Track) int {
	if l, err := readHeadersMPEG4(t); err == nil && l.Reordered {
		return 1
	}
	return 0
}

// mimeMPEG4 returns the codecs parameter (RFC 6381, 3.3): mp4v, the objectTypeIndication, and the profile and level.
func mimeMPEG4(t *media.Track) string {
	if l, err := readHeadersMPEG4(t); err == nil && l.Profile > 0 {
		return fmt.Sprintf("mp4v.20.%d", l.Profile)
	}
	return "mp4v.20"
}

// writeEntryMPEG4 writes a sample entry (ISO/IEC 14496-14, 5.6.1).
func writeEntryMPEG4(w *isobmff.Writer, fourcc string, t *media.Track) (isobmff.PixelAspect, error) {
	l, err := readHeadersMPEG4(t)
	if err != nil {
		return isobmff.SquarePixels, err
	}
	aspect := isobmff.PixelAspect{H: l.AspectH, V: l.AspectV}
	at := w.OpenVisualEntry(fourcc, t.Width, t.Height)
	w.Esds(isobmff.VisualStream, isobmff.MPEG4Visual, t.ParameterSets[0])
	w.PixelAspect(aspect)
	w.Close(at)
	return aspect, nil
}

func readEntryMPEG4(entry []byte, t *media.Track) error {
	err := readVisual(entry, t, "esds", func(b []byte) ([][]byte, error) {
		object, specific, ok := isobmff.ReadEsds(b)
		switch {
		case !ok:
			return nil, errors.New("esds is damaged")
		case object != isobmff.MPEG4Visual:
			return nil, fmt.Errorf("MPEG-4 object type %#x: %w", object, ErrNotRecorded)
		case len(specific) == 0:
			return nil, nil
		}
		return [][]byte{specific}, nil
	})
	if err != nil {
		return err
	}
	return describeMPEG4(t)
}
