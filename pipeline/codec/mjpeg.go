package codec

import (
	"errors"
	"fmt"

	"github.com/gospool/spool/pipeline/codec/jpeg"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// MJPEG is a sequence of JPEG pictures (ITU-T T.81). A track has no parameter sets: each picture has all tables that a
// decoder needs. It is written as mp4v with the objectTypeIndication of JPEG, which ISO/IEC 14496-1 defines; jpeg is of
// QuickTime only.
var MJPEG = Register(Codec{
	CodecTraits: media.CodecTraits{Name: "mjpeg", Kind: media.Video},
	Title:       "MJPEG",
	FromFrame:   fromFrameMJPEG,
	Describe:    describeMJPEG,
	MIME:        func(*media.Track) string { return fmt.Sprintf("mp4v.%02X", objectJPEG) },
	Entry: SampleEntry{Types: []string{"mp4v"}, Config: "esds", Write: writeEntryMJPEG, Read: readEntryMJPEG, Forms: map[string]func([]byte, *media.Track) error{
		"jpeg": readSizeMJPEG, "mjpa": refuseFields, "mjpb": refuseFields,
	}},
})

// objectJPEG is the objectTypeIndication of JPEG (ISO/IEC 14496-1, table 5).
const objectJPEG = 0x6c

// fromFrameMJPEG implements Codec.FromFrame.
func fromFrameMJPEG(frame []byte, t *media.Track) (err error) {
	t.Width, t.Height, err = jpeg.Size(frame)
	return err
}

// describeMJPEG implements Codec.Describe. It needs the track's Width and Height.
func describeMJPEG(t *media.Track) error {
	if t.Width <= 0 || t.Height <= 0 {
		return fmt.Errorf("mjpeg: pictures of %dx%d", t.Width, t.Height)
	}
	return nil
}

func writeEntryMJPEG(w *isobmff.Writer, fourcc string, t *media.Track) (isobmff.PixelAspect, error) {
	at := w.OpenVisualEntry(fourcc, t.Width, t.Height)
	w.Esds(isobmff.VisualStream, objectJPEG, nil)
	w.Close(at)
	return isobmff.SquarePixels, nil
}

// readEntryMJPEG reads a sample entry mp4v, which other codecs have, too.
func readEntryMJPEG(entry []byte, t *media.Track) error {
	e, _ := isobmff.ReadVisualEntry(entry)
	object, _, ok := isobmff.ReadEsds(isobmff.Find(e.Boxes, "esds"))
	switch {
	case !ok:
		return errors.New("esds is damaged")
	case object != objectJPEG:
		return fmt.Errorf("MPEG-4 object type %#x: %w", object, ErrNotRecorded)
	}
	return readSizeMJPEG(entry, t)
}

// readSizeMJPEG reads a sample entry whose type alone says that it is of JPEG.
func readSizeMJPEG(entry []byte, t *media.Track) error {
	e, ok := isobmff.ReadVisualEntry(entry)
	if !ok {
		return errors.New("mjpeg: the sample entry is cut")
	}
	t.Width, t.Height = e.Width, e.Height
	return describeMJPEG(t)
}

// refuseFields reads the sample entries mjpa and mjpb of QuickTime. A sample of theirs is two fields of a picture.
func refuseFields([]byte, *media.Track) error {
	return fmt.Errorf("MJPEG as two fields a sample: convert the file with ffmpeg -c:v mjpeg first: %w", ErrNotRecorded)
}
