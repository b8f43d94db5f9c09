package codec

import (
	"errors"
	"fmt"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

var entryAAC = SampleEntry{Types: []string{"mp4a"}, Config: "esds", Write: writeEntryAAC, Read: readEntryAAC}

// writeEntryAAC writes a sample entry (ISO/IEC 14496-14, 5.6.1) with the track's AudioSpecificConfig.
func writeEntryAAC(w *isobmff.Writer, fourcc string, t *media.Track) (isobmff.PixelAspect, error) {
	at := w.OpenAudioEntry(fourcc, t.Channels, 16, t.SampleRate)
	w.Esds(t.ParameterSets[0])
	w.Close(at)
	return isobmff.SquarePixels, nil
}

// readEntryAAC reads a sample entry of an MP4 file, or of a QuickTime file, in which esds is inside a wave box.
func readEntryAAC(entry []byte, t *media.Track) error {
	e, _ := isobmff.ReadAudioEntry(entry)
	esds := isobmff.Find(e.Boxes, "esds")
	if esds == nil {
		esds = isobmff.Find(e.Boxes, "wave", "esds")
	}
	object, asc, ok := isobmff.ReadEsds(esds)
	switch {
	case !ok:
		return errors.New("esds is damaged")
	case object != isobmff.MPEG4Audio:
		return fmt.Errorf("MPEG-4 object type %#x: %w", object, ErrNotRecorded)
	case len(asc) == 0:
		return errors.New("esds has no AudioSpecificConfig")
	}
	t.ParameterSets = [][]byte{asc}
	err := describeAAC(t)
	if errors.Is(err, ErrNotAAC) {
		err = fmt.Errorf("%w: %w", err, ErrNotRecorded)
	}
	return err
}

// mimeAAC returns the codecs parameter (RFC 6381, 3.3): mp4a, the object type of MPEG-4 audio, and the audio
// object type. Without parameter sets it returns mp4a.40, which leaves out the audio object type.
func mimeAAC(t *media.Track) string {
	if len(t.ParameterSets) == 0 {
		return "mp4a.40"
	}
	r := NewBitReader(t.ParameterSets[0])
	return fmt.Sprintf("mp4a.40.%d", objectType(&r))
}
