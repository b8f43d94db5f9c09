// Package jpeg reads and writes the headers of JPEG pictures (ITU-T T.81).
package jpeg

import (
	"errors"

	"github.com/gospool/spool/pipeline/codec/bitstream"
)

// Markers (ITU-T T.81, table B.1). Each follows a byte of ones.
const (
	sof0 = 0xc0 // frame header, baseline DCT
	sof1 = 0xc1 // frame header, extended sequential DCT
	dht  = 0xc4 // Huffman tables
	jpg  = 0xc8 // reserved
	dac  = 0xcc // arithmetic coding conditioning
	rst0 = 0xd0 // first of eight restart markers
	soi  = 0xd8 // start of the picture
	eoi  = 0xd9 // end of the picture
	sos  = 0xda // scan header
	dqt  = 0xdb // quantization tables
	dri  = 0xdd // restart interval
	tem  = 0x01
)

// EndOfImage is the end of a picture.
var EndOfImage = []byte{0xff, eoi}

var (
	errNoPicture = errors.New("it does not begin with a JPEG picture")
	errNoFrame   = errors.New("the JPEG picture has no frame header")
	errNoLines   = errors.New("the JPEG frame header has no size")
)

// Size returns the width and the height of a picture in pixels, from its frame header (ITU-T T.81, B.2.2). A picture
// whose height follows only after its first scan is an error.
func Size(picture []byte) (width, height int, err error) {
	if len(picture) < 2 || picture[0] != 0xff || picture[1] != soi {
		return 0, 0, errNoPicture
	}
	for rest := picture[2:]; len(rest) >= 2 && rest[0] == 0xff; {
		marker := rest[1]
		switch {
		case marker == 0xff: // a fill byte
			rest = rest[1:]
			continue
		case marker == tem, marker >= rst0 && marker <= soi:
			rest = rest[2:]
			continue
		case marker == sos, marker == eoi, marker == 0:
			return 0, 0, errNoFrame
		}
		r := bitstream.NewReader(rest[2:])
		length := int(r.Bits(16))
		if r.Short() || length < 2 || length > len(rest)-2 {
			return 0, 0, errNoFrame
		}
		if marker >= sof0 && marker <= sof0+15 && marker != dht && marker != jpg && marker != dac {
			r.Skip(8) // bits of a sample
			height, width = int(r.Bits(16)), int(r.Bits(16))
			if length < 2+1+2+2 || width == 0 || height == 0 {
				return 0, 0, errNoLines
			}
			return width, height, nil
		}
		rest = rest[2+length:]
	}
	return 0, 0, errNoFrame
}
