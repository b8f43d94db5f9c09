// Package bits writes bit strings, most significant bit first, for H.264 and AAC.
package bits

// Writer collects bits into bytes. The zero value is an empty writer.
type Writer struct {
	buf   []byte
	acc   uint64 // the lowest n bits are not in buf yet
	n     uint   // number of these bits; less than 8 between calls
	total int    // number of bits written
}

// Reset makes the writer empty and keeps its memory.
func (w *Writer) Reset() { *w = Writer{buf: w.buf[:0]} }

// Put appends the lowest n bits of v, n <= 32.
func (w *Writer) Put(v uint32, n uint) {
	w.acc = w.acc<<n | uint64(v)&(1<<n-1)
	w.n += n
	w.total += int(n)
	for w.n >= 8 {
		w.n -= 8
		w.buf = append(w.buf, byte(w.acc>>w.n))
	}
}

// Align appends zero bits up to a whole byte.
func (w *Writer) Align() {
	if w.n > 0 {
		w.Put(0, 8-w.n)
	}
}

// Len returns the number of bits written since the last Reset.
func (w *Writer) Len() int { return w.total }

// Bytes returns the whole bytes, without a last incomplete one; call Align first to include it. The slice is valid
// until the next call of a method that writes.
func (w *Writer) Bytes() []byte { return w.buf }
