package isobmff

import "encoding/binary"

// Fields reads big-endian numbers of a payload one after another. Past the end it
// reads 0, and stays short from then on.
type Fields struct {
	b     []byte
	short bool
}

// NewFields begins at the first byte of a payload.
func NewFields(payload []byte) Fields { return Fields{b: payload} }

// Short reports whether more was read than there was.
func (f *Fields) Short() bool { return f.short }

// Fail makes what is left unread: what was read so far makes no sense.
func (f *Fields) Fail() { f.short, f.b = true, nil }

// Rest returns what was not read yet.
func (f *Fields) Rest() []byte { return f.b }

// Take returns the next n bytes, a view; nil where they are not all there.
func (f *Fields) Take(n int) []byte {
	if n < 0 || len(f.b) < n {
		f.Fail()
		return nil
	}
	p := f.b[:n:n]
	f.b = f.b[n:]
	return p
}

// Skip passes over n bytes.
func (f *Fields) Skip(n int) { f.Take(n) }

// U8 reads a number of 8 bits.
func (f *Fields) U8() uint8 {
	if p := f.Take(1); p != nil {
		return p[0]
	}
	return 0
}

// U16 reads a number of 16 bits.
func (f *Fields) U16() uint16 {
	if p := f.Take(2); p != nil {
		return binary.BigEndian.Uint16(p)
	}
	return 0
}

// U32 reads a number of 32 bits.
func (f *Fields) U32() uint32 {
	if p := f.Take(4); p != nil {
		return binary.BigEndian.Uint32(p)
	}
	return 0
}

// U64 reads a number of 64 bits.
func (f *Fields) U64() uint64 {
	if p := f.Take(8); p != nil {
		return binary.BigEndian.Uint64(p)
	}
	return 0
}

// FullBox reads the version and the flags that begin a full box (ISO/IEC 14496-12,
// 4.2).
func (f *Fields) FullBox() (version uint8, flags uint32) {
	v := f.U32()
	return uint8(v >> 24), v & 0xffffff
}

// Versioned reads a number of 64 bits in version 1 of a box, of 32 in version 0.
func (f *Fields) Versioned(version uint8) uint64 {
	if version == 1 {
		return f.U64()
	}
	return uint64(f.U32())
}
