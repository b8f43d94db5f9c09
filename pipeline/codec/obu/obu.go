// Package obu reads and writes the units of AV1 bit streams: open bitstream units ("AV1 Bitstream & Decoding Process
// Specification" 1.0.0, 5.3).
package obu

// Type is the type of a unit (6.2.2).
type Type uint8

// The types that this program tells apart.
const (
	SequenceHeader    Type = 1
	TemporalDelimiter Type = 2
	FrameHeader       Type = 3
	TileGroup         Type = 4
	Frame             Type = 6
	TileList          Type = 8
	Padding           Type = 15
)

// Unit is one open bitstream unit. Its slices are parts of the bytes that it was read from.
type Unit struct {
	Type    Type
	Header  []byte // one byte, and one more with an extension
	Payload []byte
}

// The bits of the first byte of a unit (5.3.2).
const (
	forbidden = 0x80
	extension = 0x04
	HasSize   = 0x02
)

// Next returns the first unit in b, and the bytes after it. A unit without a size takes all of b. ok is false if b is
// empty or malformed.
func Next(b []byte) (u Unit, rest []byte, ok bool) {
	if len(b) == 0 || b[0]&forbidden != 0 {
		return u, nil, false
	}
	n := 1
	if b[0]&extension != 0 {
		n = 2
	}
	if len(b) < n {
		return u, nil, false
	}
	u.Type, u.Header, b = Type(b[0]>>3&15), b[:n:n], b[n:]
	if u.Header[0]&HasSize == 0 {
		u.Payload = b
		return u, nil, true
	}
	size, b, ok := Size(b)
	if !ok || size > len(b) {
		return u, nil, false
	}
	u.Payload = b[:size:size]
	return u, b[size:], true
}

// Append appends the unit, with its size, to out.
func (u Unit) Append(out []byte) []byte {
	out = append(append(out, u.Header[0]|HasSize), u.Header[1:]...)
	return append(AppendSize(out, len(u.Payload)), u.Payload...)
}

const maxSizeBytes = 8 // of a size (4.10.5)

// Size reads a size at the beginning of b, in leb128 (4.10.5). It returns the bytes after it. ok is false if the size is
// cut or exceeds 32 bits.
func Size(b []byte) (size int, rest []byte, ok bool) {
	var v uint64
	for i := 0; i < min(len(b), maxSizeBytes); i++ {
		v |= uint64(b[i]&0x7f) << (7 * i)
		if b[i]&0x80 == 0 {
			return int(v), b[i+1:], v <= 1<<31-1
		}
	}
	return 0, nil, false
}

// AppendSize appends a size to out, in the shortest form.
func AppendSize(out []byte, size int) []byte {
	for ; size >= 0x80; size >>= 7 {
		out = append(out, byte(size)|0x80)
	}
	return append(out, byte(size))
}
