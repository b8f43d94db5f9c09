package isobmff

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// FourCC is the type of a box: a four-character code.
type FourCC [4]byte

// String returns the four characters.
func (c FourCC) String() string { return string(c[:]) }

// Is reports whether the code equals a string of four characters.
func (c FourCC) Is(fourcc string) bool { return string(c[:]) == fourcc }

// Header is the header of a box (ISO/IEC 14496-12, 4.2).
type Header struct {
	Type        FourCC
	SizeBytes   int64 // size of the whole box; 0: the box lasts to the end of the file
	HeaderBytes int64 // size of the header: 8 or 16
}

// Is reports whether the box has the given type.
func (h Header) Is(fourcc string) bool { return h.Type.Is(fourcc) }

// maxSize is the largest size of a box that a header may give: larger than any disk, and so small
// that sums with offsets do not overflow.
const maxSize = 1 << 62

// The errors of ReadHeader and ReadPayload that the content of a file causes. Their other errors
// come from the disk, or from the limit of ReadPayload.
var (
	ErrEnd    = errors.New("the file is cut off")                 // too few bytes for a header of 8, or for a payload
	ErrCut    = errors.New("the file is cut off within a header") // too few bytes for a header of 16
	ErrHeader = errors.New("it is damaged")                       // the size of the box is impossible
)

// IsContent reports whether the content of a file caused an error: it is ErrEnd, ErrCut or
// ErrHeader.
func IsContent(err error) bool {
	return errors.Is(err, ErrEnd) || errors.Is(err, ErrCut) || errors.Is(err, ErrHeader)
}

// ParseHeader parses the header at the start of b, of 8 or 16 bytes. ok is false if b is shorter
// than the header, or if the size of the box is impossible.
func ParseHeader(b []byte) (h Header, ok bool) {
	h, err := parseHeader(b)
	return h, err == nil
}

func parseHeader(b []byte) (h Header, err error) {
	if len(b) < 8 {
		return h, ErrEnd
	}
	h = Header{Type: FourCC(b[4:8]), SizeBytes: int64(binary.BigEndian.Uint32(b)), HeaderBytes: 8}
	if h.SizeBytes == 1 {
		if len(b) < 16 {
			return h, ErrCut
		}
		large := binary.BigEndian.Uint64(b[8:])
		if large == 0 || large > maxSize {
			return h, ErrHeader
		}
		h.SizeBytes, h.HeaderBytes = int64(large), 16
	}
	if h.SizeBytes != 0 && h.SizeBytes < h.HeaderBytes {
		return h, ErrHeader
	}
	return h, nil
}

// ReadHeader reads the header of the box at offset at of a file of size bytes. It returns ErrEnd if
// fewer than 8 bytes are left, the length of the shortest header. The box itself may reach beyond
// the end of the file.
func ReadHeader(f io.ReaderAt, at, size int64) (h Header, err error) {
	var b [16]byte
	n := min(int64(len(b)), size-at)
	if n < 8 {
		return h, ErrEnd
	}
	if read, err := f.ReadAt(b[:n], at); read < int(n) {
		return h, fmt.Errorf("read at byte %d: %w", at, err)
	}
	h, err = parseHeader(b[:n])
	switch {
	case errors.Is(err, ErrHeader):
		err = fmt.Errorf("box %q at byte %d has an impossible size: %w", h.Type, at, err)
	case err != nil:
		err = fmt.Errorf("box %q at byte %d: %w", h.Type, at, err)
	}
	return h, err
}

// Limits for ReadPayload, far above real boxes: a day of video has a moov of about 50 MB, and a
// fragment has a moof of some kilobytes.
const (
	MaxMoovBytes = 1 << 30
	MaxMoofBytes = 64 << 20
)

// ReadPayload reads the payload of the box with header h at offset at of a file of size bytes. It
// returns ErrEnd if the box exceeds the file or has the size 0, and another error without reading
// if the box has more than limit bytes.
func ReadPayload(f io.ReaderAt, at int64, h Header, size, limit int64) ([]byte, error) {
	switch {
	case h.SizeBytes == 0 || h.SizeBytes > size-at:
		return nil, fmt.Errorf("box %q at byte %d runs past the end: %w", h.Type, at, ErrEnd)
	case h.SizeBytes > limit:
		return nil, fmt.Errorf("box %q at byte %d has %d bytes, and %d are the most that is read", h.Type, at, h.SizeBytes, limit)
	}
	b := make([]byte, h.SizeBytes-h.HeaderBytes)
	if n, err := f.ReadAt(b, at+h.HeaderBytes); n < len(b) { // a complete read may also return io.EOF
		return nil, fmt.Errorf("read at byte %d: %w", at, err)
	}
	return b, nil
}
