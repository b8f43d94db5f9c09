package isobmff

import (
	"bytes"
	"encoding/binary"
	"fmt"

	gomp4 "github.com/abema/go-mp4"
)

// Writer appends boxes to B, which its owner may read, cut and reuse.
type Writer struct {
	B   []byte
	err error
}

// Err returns the first error of a box that could not be written.
func (w *Writer) Err() error { return w.err }

// Fail records an error, unless one is recorded.
func (w *Writer) Fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

// Append appends bytes unchanged.
func (w *Writer) Append(b []byte) { w.B = append(w.B, b...) }

// AppendString appends the bytes of a string.
func (w *Writer) AppendString(s string) { w.B = append(w.B, s...) }

// U8 appends a number of 8 bits.
func (w *Writer) U8(v uint8) { w.B = append(w.B, v) }

// U16 appends a number of 16 bits.
func (w *Writer) U16(v uint16) { w.B = binary.BigEndian.AppendUint16(w.B, v) }

// U32 appends a number of 32 bits.
func (w *Writer) U32(v uint32) { w.B = binary.BigEndian.AppendUint32(w.B, v) }

// U64 appends a number of 64 bits.
func (w *Writer) U64(v uint64) { w.B = binary.BigEndian.AppendUint64(w.B, v) }

// Open begins a box and returns its offset in B. Close sets its size.
func (w *Writer) Open(fourcc string) (at int) {
	at = len(w.B)
	w.B = append(w.B, 0, 0, 0, 0)
	w.B = append(w.B, fourcc...)
	return at
}

// OpenFull begins a box with version and flags (ISO/IEC 14496-12, 4.2).
func (w *Writer) OpenFull(fourcc string, version uint8, flags uint32) (at int) {
	at = w.Open(fourcc)
	w.U32(uint32(version)<<24 | flags)
	return at
}

// OpenUUID begins a box with a 16-byte type (ISO/IEC 14496-12, 4.2).
func (w *Writer) OpenUUID(uuid string) (at int) {
	at = w.Open("uuid")
	w.B = append(w.B, uuid...)
	return at
}

// Close ends the box that began at an offset of B. The box must have less than 4 GiB.
func (w *Writer) Close(at int) { w.Patch(at, uint32(len(w.B)-at)) }

// Patch overwrites the 4 bytes at an offset of B.
func (w *Writer) Patch(at int, v uint32) { binary.BigEndian.PutUint32(w.B[at:], v) }

// Box appends a box with a payload.
func (w *Writer) Box(fourcc string, payload []byte) {
	at := w.Open(fourcc)
	w.B = append(w.B, payload...)
	w.Close(at)
}

// Free appends a free box of n bytes in all, n >= 8.
func (w *Writer) Free(n int) {
	at := w.Open("free")
	w.B = append(w.B, make([]byte, n-8)...)
	w.Close(at)
}

// Header appends an 8-byte header of a box of size bytes in all.
func (w *Writer) Header(fourcc string, size uint32) {
	w.U32(size)
	w.AppendString(fourcc)
}

// LargeHeader appends a 16-byte header of a box of size bytes in all.
func (w *Writer) LargeHeader(fourcc string, size int64) {
	w.U32(1)
	w.AppendString(fourcc)
	w.U64(uint64(size))
}

// marshal appends a box without children that go-mp4 marshals.
func (w *Writer) marshal(box gomp4.IImmutableBox) { w.Close(w.openMarshal(box)) }

// openMarshal appends a box that go-mp4 marshals, and leaves it open for children.
func (w *Writer) openMarshal(box gomp4.IImmutableBox) (at int) {
	at = w.Open(box.GetType().String())
	var out bytes.Buffer
	if _, err := gomp4.Marshal(&out, box, gomp4.Context{}); err != nil {
		w.Fail(fmt.Errorf("box %s: %w", box.GetType(), err))
	}
	w.B = append(w.B, out.Bytes()...)
	return at
}
