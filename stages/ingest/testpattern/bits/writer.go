// Package bits writes bit strings, most significant bit first, for H.264 and AAC.
package bits

// Writer collects bits into bytes. The zero value is ready; Reset keeps the memory.
type Writer struct {
	buf   []byte
	acc   uint64 // the low n bits are not yet in buf
	n     uint   // < 8 between calls
	total int
}

// Reset discards all bits.
func (w *Writer) Reset() { *w = Writer{buf: w.buf[:0]} }

// Put appends the low n bits of v, n <= 32.
func (w *Writer) Put(v uint32, n uint) {
	w.acc = w.acc<<n | uint64(v)&(1<<n-1)
	w.n += n
	w.total += int(n)
	for w.n >= 8 {
		w.n -= 8
		w.buf = append(w.buf, byte(w.acc>>w.n))
	}
}

// Align fills the last byte with zero bits.
func (w *Writer) Align() {
	if w.n > 0 {
		w.Put(0, 8-w.n)
	}
}

// Len returns the number of bits written.
func (w *Writer) Len() int { return w.total }

// Bytes returns the whole bytes, valid until the next call. Align first, or the last bits are missing.
func (w *Writer) Bytes() []byte { return w.buf }
