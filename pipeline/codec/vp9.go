package codec

import (
	"errors"
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/vp9"

	"github.com/gospool/spool/pipeline/codec/bitstream"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// VP9 is "VP9 Bitstream & Decoding Process Specification" 0.6. A track has one parameter set, the
// VPCodecConfigurationRecord of the box vpcC ("VP Codec ISO Media File Format Binding" 1.0), which spool makes from the
// header of a key frame. An access unit is a frame or a superframe.
var VP9 = Register(Codec{
	CodecTraits: media.CodecTraits{Name: "vp9", Kind: media.Video, ParameterSets: true},
	Title:       "VP9",
	Sync:        keyFrameVP9,
	FromFrame:   fromFrameVP9,
	Describe:    describeVP9,
	MIME:        mimeVP9,
	Entry:       SampleEntry{Types: []string{"vp09"}, Config: "vpcC", Write: writeEntryVP9, Read: readEntryVP9},
})

const recordBytesVP9 = 8 // of a VPCodecConfigurationRecord without codec initialisation data

// keyFrameVP9 reports whether a frame is a key frame (6.2).
func keyFrameVP9(frame []byte) bool {
	r := bitstream.NewReader(frame)
	marker, profile := r.Bits(2), r.Bits(2)
	if profile == 3 {
		r.Skip(1)
	}
	shownAgain, inter := r.Flag(), r.Flag()
	return !r.Short() && marker == 2 && !shownAgain && !inter
}

// matrixVP9 holds the matrix coefficients of ITU-T H.273 for color_space (7.2.2).
var matrixVP9 = [8]byte{2, 6, 1, 6, 7, 9, 2, 0}

// fromFrameVP9 implements Codec.FromFrame.
func fromFrameVP9(frame []byte, t *media.Track) error {
	var h vp9.Header
	if err := h.Unmarshal(frame); err != nil {
		return fmt.Errorf("vp9: %w", err)
	}
	if h.ColorConfig == nil {
		return errors.New("vp9: not a key frame")
	}
	t.Width, t.Height = h.Width(), h.Height()
	range01 := byte(0)
	if h.ColorConfig.ColorRange {
		range01 = 1
	}
	const unspecified = 2 // colour primaries and transfer characteristics, which VP9 does not have
	t.ParameterSets = [][]byte{{
		h.Profile, levelVP9(t.Width, t.Height), h.ColorConfig.BitDepth<<4 | h.ChromaSubsampling()<<1 | range01,
		unspecified, unspecified, matrixVP9[h.ColorConfig.ColorSpace], 0, 0,
	}}
	return describeVP9(t)
}

// levelVP9 returns the lowest level, times ten, that permits pictures of a size, 30 of them a second (annex A of the
// specification). The frame rate is not in the stream.
func levelVP9(width, height int) byte {
	levels := [...]struct {
		level                 byte
		area, rate, dimension int // most luma samples of a picture, and a second; most pixels of a side
	}{
		{10, 36864, 829440, 512}, {11, 73728, 2764800, 768}, {20, 122880, 4608000, 960}, {21, 245760, 9216000, 1344},
		{30, 552960, 20736000, 2048}, {31, 983040, 36864000, 2752}, {40, 2228224, 83558400, 4160}, {50, 8912896, 311951360, 8384},
		{51, 8912896, 588251136, 8384}, {60, 35651584, 1176502272, 16832},
	}
	for _, l := range levels {
		if area := width * height; area <= l.area && 30*area <= l.rate && max(width, height) <= l.dimension {
			return l.level
		}
	}
	return 62
}

// describeVP9 implements Codec.Describe. It needs the track's Width and Height.
func describeVP9(t *media.Track) error {
	switch {
	case len(t.ParameterSets) == 0 || len(t.ParameterSets[0]) < recordBytesVP9:
		return errors.New("vp9: vpcC is cut")
	case t.ParameterSets[0][0] > 3:
		return fmt.Errorf("vp9: profile %d", t.ParameterSets[0][0])
	case t.Width <= 0 || t.Height <= 0:
		return fmt.Errorf("vp9: pictures of %dx%d", t.Width, t.Height)
	}
	return nil
}

// mimeVP9 returns the codecs parameter with profile, level and bit depth.
func mimeVP9(t *media.Track) string {
	if len(t.ParameterSets) == 0 {
		return "vp09"
	}
	set := t.ParameterSets[0]
	return fmt.Sprintf("vp09.%02d.%02d.%02d", set[0], set[1], set[2]>>4)
}

func writeEntryVP9(w *isobmff.Writer, fourcc string, t *media.Track) (isobmff.PixelAspect, error) {
	at := w.OpenVisualEntry(fourcc, t.Width, t.Height)
	config := w.OpenFull("vpcC", 1, 0)
	w.Append(t.ParameterSets[0])
	w.Close(config)
	w.Close(at)
	return isobmff.SquarePixels, nil
}

func readEntryVP9(entry []byte, t *media.Track) error {
	err := readVisual(entry, t, "vpcC", func(b []byte) ([][]byte, error) {
		f := isobmff.NewFields(b)
		if version, _ := f.FullBox(); version != 1 {
			return nil, fmt.Errorf("vpcC of version %d", version)
		}
		if set := f.Take(recordBytesVP9); !f.Short() {
			return [][]byte{set}, nil
		}
		return nil, errors.New("vpcC is cut")
	})
	if err != nil {
		return err
	}
	return describeVP9(t)
}
