package rtp

import (
	"bytes"
	"strings"

	"github.com/gospool/spool/pipeline/codec/jpeg"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest"
)

func (f *Format) jpeg(of media.Codec) (Config, error) {
	j := &jpegPayload{tables: map[byte]jpegTables{}}
	j.width, j.height = f.size()
	return f.pictures(of, j), nil
}

// size returns the size in pixels that the session description gives to pictures, and 0 if it gives none.
func (f *Format) size() (width, height int) {
	w, h, _ := strings.Cut(f.value(dimensions), ",")
	return int(number(w, 1, 0xffff)), int(number(h, 1, 0xffff))
}

// jpegPayload implements RFC 2435. A picture gets the headers that its packets leave out.
type jpegPayload struct {
	width, height int                 // of the session description, pixels; 0: not given
	tables        map[byte]jpegTables // that came in the stream, by the field Q
	scaled        []byte              // memory of tables that did not
	header        jpeg.Header
	head          []byte // memory of the header of the newest picture
}

// jpegTables holds quantization tables (RFC 2435, 3.1.8).
type jpegTables struct {
	precision byte // bit i: table i has values of 16 bits
	data      []byte
}

// Sizes in bytes of the headers of a payload (RFC 2435, 3.1).
const (
	jpegHeader        = 8
	jpegRestartHeader = 4
	jpegTableHeader   = 4
)

// The values of the fields type and Q.
const (
	jpegRestarts = 64  // types from here on have restart markers
	jpegInBand   = 128 // values of Q from here on have tables in the stream
	jpegOnce     = 255 // the tables of this value are those of one picture
)

func (j *jpegPayload) unpack(u *ingest.Unit, p []byte) error {
	if len(p) < jpegHeader {
		return errShort
	}
	offset, kind, q, body := int(p[1])<<16|int(p[2])<<8|int(p[3]), p[4], p[5], p[jpegHeader:]
	j.header.RestartInterval = 0
	if kind >= jpegRestarts {
		if len(body) < jpegRestartHeader {
			return errShort
		}
		j.header.RestartInterval, body = uint16(body[0])<<8|uint16(body[1]), body[jpegRestartHeader:]
	}
	switch {
	case kind&^jpegRestarts > 1:
		return errPacking
	case offset > 0 && !u.Open():
		return errFragment
	case (offset == 0) == u.Open(), offset > 0 && offset != u.Size()-len(j.head):
		return errPacking
	case offset == 0:
		var err error
		if body, err = j.quantize(q, body); err != nil {
			return err
		}
		j.header.HalfHeight = kind&^jpegRestarts == 1
		j.header.Width, j.header.Height = rounded(p[6], j.width), rounded(p[7], j.height)
		if j.header.Width == 0 || j.header.Height == 0 {
			return errPacking
		}
		j.head = j.header.Append(j.head[:0])
		u.Begin()
		u.Add(j.head...)
	}
	if len(body) == 0 {
		return errShort
	}
	u.Add(body...)
	return nil
}

// rounded returns a size in pixels: that of the session description, if it is the size of the payload without the
// rounding to blocks of 8 pixels, or if the payload has no size, which stands for more than 2040 pixels.
func rounded(blocks byte, described int) int {
	if blocks == 0 || described > 0 && (described+7)/8 == int(blocks) {
		return described
	}
	return 8 * int(blocks)
}

// quantize sets the quantization tables of the header. It returns the rest of the payload after the tables in it.
func (j *jpegPayload) quantize(q byte, p []byte) (rest []byte, err error) {
	if q < jpegInBand {
		j.scaled = jpeg.AppendTables(j.scaled[:0], int(min(max(q, 1), 99)))
		return p, j.split(jpegTables{data: j.scaled})
	}
	if len(p) < jpegTableHeader {
		return nil, errShort
	}
	precision, size, p := p[1], int(p[2])<<8|int(p[3]), p[jpegTableHeader:]
	switch {
	case size > len(p):
		return nil, errShort
	case size > 4*64:
		return nil, errPacking
	case size > 0:
		t := jpegTables{precision, append(j.tables[q].data[:0], p[:size]...)}
		j.tables[q] = t
		return p[size:], j.split(t)
	case q == jpegOnce:
		return nil, errPacking
	}
	return p, j.split(j.tables[q])
}

// split sets the tables of the header: one for all components, or one for luma and one for chroma.
func (j *jpegPayload) split(t jpegTables) error {
	j.header.Quantization = [2][]byte{}
	for i := range j.header.Quantization {
		size := 64 << (t.precision >> i & 1)
		if len(t.data) < size {
			return errPacking
		}
		j.header.Quantization[i], t.data = t.data[:size:size], t.data[size:]
		if len(t.data) == 0 {
			return nil
		}
	}
	return errPacking
}

// end adds the marker at the end of a picture, which some senders leave out.
func (j *jpegPayload) end(u *ingest.Unit) {
	if !u.Open() {
		return
	}
	if !bytes.HasSuffix(u.Bytes(), jpeg.EndOfImage) {
		u.Add(jpeg.EndOfImage...)
	}
	u.End()
}

func (j *jpegPayload) joins(p []byte) bool { return len(p) >= 4 && p[1]|p[2]|p[3] != 0 }
