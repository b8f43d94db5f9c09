package newcodec

import (
	"bytes"
	"encoding/binary"
	"errors"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// flip is a video codec whose frames, like those of VP9, name in their first byte whether a
// decoder can start there. Its parameter set is width and height, 16 bits each.
var flip = codec.Register(codec.Codec{
	CodecTraits: media.CodecTraits{Name: "flip", Kind: media.Video, ParameterSets: true},
	Title:       "Flip",
	Sync:        func(frame []byte) bool { return len(frame) > 0 && frame[0] == flipKey },
	MIME:        func(*media.Track) string { return "flip" },
	Entry: codec.SampleEntry{
		Types: []string{"flip"}, Config: "flpC",
		Write: func(w *isobmff.Writer, fourcc string, t *media.Track) (isobmff.PixelAspect, error) {
			at := w.OpenVisualEntry(fourcc, t.Width, t.Height)
			w.Box("flpC", t.ParameterSets[0])
			w.Close(at)
			return isobmff.SquarePixels, nil
		},
		Read: func(entry []byte, t *media.Track) error {
			e, ok := isobmff.ReadVisualEntry(entry)
			if !ok {
				return errors.New("the sample entry is cut")
			}
			t.ParameterSets = [][]byte{isobmff.Find(e.Boxes, "flpC")}
			return describeFlip(t)
		},
	},
	Describe: describeFlip,
})

const flipKey = 0x4b

func describeFlip(t *media.Track) error {
	if len(t.ParameterSets) != 1 || len(t.ParameterSets[0]) != 4 {
		return errors.New("no width and height")
	}
	b := bytes.Clone(t.ParameterSets[0])
	t.ParameterSets = [][]byte{b}
	t.Width, t.Height = int(binary.BigEndian.Uint16(b)), int(binary.BigEndian.Uint16(b[2:]))
	return nil
}
