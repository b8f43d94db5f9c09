package movie

import (
	"slices"

	"github.com/gospool/spool/bench/clip"
	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/codec/jpeg"
	"github.com/gospool/spool/pipeline/codec/obu"
	"github.com/gospool/spool/pipeline/media"
)

// Size of all pictures, in pixels.
const width, height = 1280, 720

// pictures describes the pictures of a codec.
type pictures struct {
	codec media.Codec
	// sets holds the parameter sets; nil for a codec whose key frames describe the track.
	sets [][]byte
	// form gives the access unit of an H.264 clip the form of the codec. No decoder could decode the result. That does
	// not matter for the cost of recording, which depends on headers and sizes only. It is nil for H.264.
	form func(u *clip.Unit)
}

// allPictures has a row for each video codec, the most common first.
var allPictures = []pictures{
	{codec: codec.H264},
	{codec: codec.H265, sets: setsH265, form: asH265},
	// Uncompressed headers ("VP9 Bitstream & Decoding Process Specification" 0.6, 6.2) of a key frame of 1280x720 and of
	// another frame.
	{codec: codec.VP9, form: asFrames([]byte{0x82, 0x49, 0x83, 0x42, 0x00, 0x4f, 0xf0, 0x2c, 0xf6, 0x00}, []byte{0x86, 0})},
	{codec: codec.AV1, form: asAV1},
	{codec: codec.MPEG4, form: asFrames(headersMPEG4, []byte{0, 0, 1, 0xb6, 0x50})},
	{codec: codec.MJPEG, form: asMJPEG},
}

// headersMPEG4 holds the headers of a stream of 1280x720 that ffmpeg coded, up to the beginning of an I-VOP.
var headersMPEG4 = []byte{
	0, 0, 1, 0xb0, 1, 0, 0, 1, 0xb5, 0x89, 0x13, 0, 0, 1, 0, 0, 0, 1, 0x20, 0, 0xc4, 0x8d, 0x88, 0, 0xcd, 0x28, 4, 0x5a, 0x14, 0x43, 0, 0, 1, 0xb6, 0x10,
}

// setsH265 holds the VPS, SPS and PPS of a 1280x720 Main stream coded by x265.
var setsH265 = [][]byte{
	{0x40, 0x01, 0x0c, 0x01, 0xff, 0xff, 0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03, 0x00, 0x00, 0x03, 0x00, 0x5d, 0x95, 0x94, 0x09},
	{0x42, 0x01, 0x01, 0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03, 0x00, 0x00, 0x03, 0x00, 0x5d, 0xa0, 0x02, 0x80, 0x80, 0x2d, 0x16, 0x59, 0x59, 0x52, 0x93, 0x0b, 0xc0, 0x5a, 0x02, 0x00, 0x00, 0x03, 0x00, 0x02, 0x00, 0x00, 0x03, 0x00, 0x3c, 0x10},
	{0x44, 0x01, 0xc0, 0x73, 0xc1, 0x89},
}

// asH265 replaces the headers of the NAL units.
func asH265(u *clip.Unit) {
	const trailR, idrWRADL = 1, 19 // nal_unit_type (ITU-T H.265, table 7-1)
	kind := byte(trailR)
	if u.IDR {
		kind = idrWRADL
	}
	for n, nal := range u.NALs {
		u.NALs[n] = append([]byte{kind << 1, 1}, nal[1:]...)
	}
}

// asFrames returns a form of one frame: a header, which for a key frame is key, and the bytes of the NAL units.
func asFrames(key, other []byte) func(u *clip.Unit) {
	return func(u *clip.Unit) {
		head := other
		if u.IDR {
			head = key
		}
		u.NALs = [][]byte{slices.Concat(head, slices.Concat(u.NALs...))}
	}
}

// asMJPEG makes a picture of the size of the access unit: its headers replace the first bytes.
func asMJPEG(u *clip.Unit) {
	tables, data := jpeg.AppendTables(nil, 75), slices.Concat(u.NALs...)
	h := jpeg.Header{Width: width, Height: height, HalfHeight: true, Quantization: [2][]byte{tables[:64], tables[64:]}}
	picture := h.Append(nil)
	u.NALs = [][]byte{append(picture, data[min(len(picture), len(data)):]...)}
}

// asAV1 makes a temporal unit: a frame, and for a key frame a sequence header of 1280x720 before it, which libaom made.
func asAV1(u *clip.Unit) {
	var sequence []byte
	head := byte(0x30) // uncompressed_header ("AV1 Bitstream & Decoding Process Specification" 1.0.0, 5.9.2): an inter frame
	if u.IDR {
		sequence = []byte{0x0a, 0x0b, 0x00, 0x00, 0x00, 0x2d, 0x4c, 0xff, 0xb3, 0xcc, 0xaf, 0x90, 0x04}
		head = 0x10
	}
	frame := obu.Unit{Type: obu.Frame, Header: []byte{byte(obu.Frame) << 3}, Payload: slices.Concat([]byte{head, 0}, slices.Concat(u.NALs...))}
	u.NALs = [][]byte{frame.Append(sequence)}
}

// describe returns the track of a clip in H.264, and gives all access units the form of the codec.
func (p *pictures) describe(k *clip.Clip) (media.Track, error) {
	t := media.Track{Codec: p.codec, Timescale: VideoScale, ParameterSets: p.sets}
	if p.form == nil {
		t.ParameterSets = [][]byte{k.SPS, k.PPS}
	} else {
		for i := range k.Units {
			p.form(&k.Units[i])
		}
	}
	if from := codec.Of(p.codec).FromFrame; from != nil {
		return t, from(k.Units[0].NALs[0], &t)
	}
	t.Width, t.Height = width, height
	return t, nil
}
