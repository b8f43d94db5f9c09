package isobmff

import "encoding/binary"

// Fields reads the big-endian fields of a payload in order. A field that exceeds the payload reads
// as 0, like all fields after it: see Short.
type Fields struct {
	b     []byte
	short bool
}

// NewFields returns a reader of the fields from the first byte of a payload on.
func NewFields(payload []byte) Fields { return Fields{b: payload} }

// Short reports whether the payload was too short for the fields that were read, or Fail was
// called.
func (f *Fields) Short() bool { return f.short }

// Fail discards the unread bytes and makes Short return true. The caller calls it when a field has
// an invalid value.
func (f *Fields) Fail() { f.short, f.b = true, nil }

// Rest returns the unread bytes, in the memory of the payload.
func (f *Fields) Rest() []byte { return f.b }

// Take reads the next n bytes, which share the memory of the payload. If fewer than n bytes are
// unread, or n is negative, it calls Fail and returns nil.
func (f *Fields) Take(n int) []byte {
	if n < 0 || len(f.b) < n {
		f.Fail()
		return nil
	}
	p := f.b[:n:n]
	f.b = f.b[n:]
	return p
}

// Skip skips the next n bytes. If fewer than n bytes are unread, or n is negative, it calls
// Fail.
func (f *Fields) Skip(n int) { f.Take(n) }

// U8 reads a number of 8 bits. If no bits are unread, it calls Fail and returns 0.
func (f *Fields) U8() uint8 {
	if p := f.Take(1); p != nil {
		return p[0]
	}
	return 0
}

// U16 reads a number of 16 bits. If fewer bytes are unread, it calls Fail and returns 0.
func (f *Fields) U16() uint16 {
	if p := f.Take(2); p != nil {
		return binary.BigEndian.Uint16(p)
	}
	return 0
}

// U32 reads a number of 32 bits. If fewer bytes are unread, it calls Fail and returns 0.
func (f *Fields) U32() uint32 {
	if p := f.Take(4); p != nil {
		return binary.BigEndian.Uint32(p)
	}
	return 0
}

// U64 reads a number of 64 bits. If fewer bytes are unread, it calls Fail and returns 0.
func (f *Fields) U64() uint64 {
	if p := f.Take(8); p != nil {
		return binary.BigEndian.Uint64(p)
	}
	return 0
}

// FullBox reads the version and the flags of a full box (ISO/IEC 14496-12, 4.2).
func (f *Fields) FullBox() (version uint8, flags uint32) {
	v := f.U32()
	return uint8(v >> 24), v & 0xffffff
}

// Versioned reads a field whose width depends on the version of its box: 64 bits in version 1, and
// 32 bits in others.
func (f *Fields) Versioned(version uint8) uint64 {
	if version == 1 {
		return f.U64()
	}
	return uint64(f.U32())
}
