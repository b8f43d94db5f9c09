package isobmff

import "encoding/binary"

// Writer appends boxes to B. The caller may read B, shorten it and reuse its memory. The zero value
// is ready for use.
type Writer struct {
	B   []byte
	err error
}

// Err returns the first error of a method or of Fail. The bytes in B are not valid then.
func (w *Writer) Err() error { return w.err }

// Fail records an error, which Err returns if it is the first.
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

// Open begins a box and returns its offset in B. At the end of the box the caller must call Close
// with that offset.
func (w *Writer) Open(fourcc string) (at int) {
	at = len(w.B)
	w.B = append(w.B, 0, 0, 0, 0)
	w.B = append(w.B, fourcc...)
	return at
}

// OpenFull begins a full box, which has a version and flags (ISO/IEC 14496-12, 4.2). See Open.
func (w *Writer) OpenFull(fourcc string, version uint8, flags uint32) (at int) {
	at = w.Open(fourcc)
	w.U32(uint32(version)<<24 | flags)
	return at
}

// OpenUUID begins a uuid box with an extended type of 16 bytes (ISO/IEC 14496-12, 4.2). See Open.
func (w *Writer) OpenUUID(uuid string) (at int) {
	at = w.Open("uuid")
	w.B = append(w.B, uuid...)
	return at
}

// Close ends the box that began at offset at of B, and sets its size. The box must have less than
// 4 GiB.
func (w *Writer) Close(at int) { w.Patch(at, uint32(len(w.B)-at)) }

// Patch overwrites the 4 bytes at offset at of B with v.
func (w *Writer) Patch(at int, v uint32) { binary.BigEndian.PutUint32(w.B[at:], v) }

// Box appends a box with a payload.
func (w *Writer) Box(fourcc string, payload []byte) {
	at := w.Open(fourcc)
	w.B = append(w.B, payload...)
	w.Close(at)
}

// Free appends a free box of n bytes, including its header of 8 bytes.
func (w *Writer) Free(n int) {
	at := w.Open("free")
	w.zeros(n - 8)
	w.Close(at)
}

// Header appends the 8-byte header of a box of size bytes, including the header.
func (w *Writer) Header(fourcc string, size uint32) {
	w.U32(size)
	w.AppendString(fourcc)
}

// LargeHeader appends the 16-byte header of a box of size bytes, including the header.
func (w *Writer) LargeHeader(fourcc string, size int64) {
	w.U32(1)
	w.AppendString(fourcc)
	w.U64(uint64(size))
}
