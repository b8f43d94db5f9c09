package jpeg

import (
	"bytes"
	"errors"
)

var (
	errCut        = errors.New("the headers of the JPEG picture are cut")
	errBaseline   = errors.New("the JPEG picture is not one of baseline DCT in one scan")
	errComponents = errors.New("the JPEG picture is neither of 4:2:0 nor of 4:2:2")
	errHuffman    = errors.New("the JPEG picture has Huffman tables of its own")
	errTables     = errors.New("the JPEG picture lacks a quantization table")
)

// ReadHeader reads all of a picture before its entropy-coded data, and returns that data without the marker at its end. The
// results share the memory of the picture. The error says why no Header describes the picture.
func ReadHeader(picture []byte) (h Header, data []byte, err error) {
	if len(picture) < 2 || picture[0] != 0xff || picture[1] != soi {
		return h, nil, errNoPicture
	}
	r := headerReader{rest: picture[2:]}
	for {
		marker, body, err := r.segment()
		if err != nil {
			return h, nil, err
		}
		switch marker {
		case dqt:
			err = r.quantization(body)
		case dht:
			err = standardHuffman(body)
		case dri:
			if len(body) != 2 {
				return h, nil, errCut
			}
			h.RestartInterval = uint16(body[0])<<8 | uint16(body[1])
		case sos:
			data = bytes.TrimSuffix(r.rest, EndOfImage)
			return h, data, r.scan(&h, body)
		default:
			if marker >= sof0 && marker <= sof0+15 && marker != jpg {
				err = r.frame(&h, marker, body)
			}
		}
		if err != nil {
			return h, nil, err
		}
	}
}

// headerReader reads the segments of a picture.
type headerReader struct {
	rest    []byte // of the picture
	tables  [4][]byte
	ids     [3]byte // of the components
	luma    byte    // number of a table, as is chroma
	chroma  byte
	started bool // the frame header has come
}

// segment returns the next segment: its marker, and what follows its length.
func (r *headerReader) segment() (marker byte, body []byte, err error) {
	for len(r.rest) >= 2 && r.rest[0] == 0xff && (r.rest[1] == 0xff || r.rest[1] == tem) {
		if r.rest[1] == tem {
			r.rest = r.rest[1:]
		}
		r.rest = r.rest[1:] // a fill byte
	}
	if len(r.rest) < 4 || r.rest[0] != 0xff {
		return 0, nil, errCut
	}
	n := int(r.rest[2])<<8 | int(r.rest[3])
	if n < 2 || n > len(r.rest)-2 {
		return 0, nil, errCut
	}
	marker, body, r.rest = r.rest[1], r.rest[4:2+n], r.rest[2+n:]
	return marker, body, nil
}

// quantization reads the tables of a segment (ITU-T T.81, B.2.4.1).
func (r *headerReader) quantization(b []byte) error {
	for len(b) > 0 {
		size := blockSamples << (b[0] >> 4 & 1)
		if b[0]&0xec != 0 || len(b) <= size {
			return errCut
		}
		r.tables[b[0]&3], b = b[1:1+size:1+size], b[1+size:]
	}
	return nil
}

// frame reads a frame header (ITU-T T.81, B.2.2).
func (r *headerReader) frame(h *Header, marker byte, b []byte) error {
	switch {
	case marker != sof0 && marker != sof1, r.started:
		return errBaseline
	case len(b) < 6:
		return errCut
	case b[0] != 8:
		return errBaseline
	case b[5] != 3:
		return errComponents
	case len(b) != 6+3*3:
		return errCut
	}
	h.Height, h.Width = int(b[1])<<8|int(b[2]), int(b[3])<<8|int(b[4])
	c := b[6:]
	h.HalfHeight = c[1] == 0x22
	switch {
	case h.Width == 0 || h.Height == 0:
		return errNoLines
	case !h.HalfHeight && c[1] != 0x21, c[4] != 0x11, c[7] != 0x11:
		return errComponents
	case c[2] > 3, c[5] > 3, c[8] != c[5]:
		return errTables
	}
	r.ids, r.luma, r.chroma, r.started = [3]byte{c[0], c[3], c[6]}, c[2], c[5], true
	return nil
}

// scan reads a scan header (ITU-T T.81, B.2.3), and completes h.
func (r *headerReader) scan(h *Header, b []byte) error {
	switch {
	case !r.started:
		return errNoFrame
	case len(b) != 10 || b[0] != 3 || [3]byte{b[1], b[3], b[5]} != r.ids:
		return errBaseline
	case b[2] != 0, b[4] != 0x11, b[6] != 0x11:
		return errHuffman
	case [3]byte(b[7:]) != [3]byte{0, 63, 0}:
		return errBaseline
	case r.tables[r.luma] == nil, r.tables[r.chroma] == nil:
		return errTables
	}
	h.Quantization[0] = r.tables[r.luma]
	if r.chroma != r.luma {
		h.Quantization[1] = r.tables[r.chroma]
	}
	return nil
}

// standardHuffman returns an error if a segment has another table than those of ITU-T T.81, annex K.3.
func standardHuffman(b []byte) error {
	for len(b) > 0 {
		known := false
		for i := range huffmanTables {
			if t := &huffmanTables[i]; b[0] == t.name && len(b) > len(t.codes) && string(b[1:1+len(t.codes)]) == t.codes {
				b, known = b[1+len(t.codes):], true
				break
			}
		}
		if !known {
			return errHuffman
		}
	}
	return nil
}
