package filesystem

import "io"

// Ahead reads the headers of the boxes of an MP4 file, in order of their offsets. If headers lie close
// together, it reads blocks of growing size, so that a file of tiny boxes does not cost a system call for each.
// If they are far apart, as in real media, it reads only the requested bytes. It reads almost no byte twice.
//
// Bytes that are written to the file after Ahead has read their block are not seen. Use a new Ahead for each
// walk along the boxes.
type Ahead struct {
	f    io.ReaderAt
	size int64
	at   int64 // offset of b
	b    []byte
	next int64 // size of the next block, bytes
	last int64 // offset of the last header
}

// NewAhead returns an Ahead for one walk along the boxes of a file of size bytes.
func NewAhead(f io.ReaderAt, size int64) *Ahead { return &Ahead{f: f, size: size} }

const (
	aheadLeast = 4 << 10
	aheadMost  = 64 << 10
)

// ReadAt reads any part of the file. A read of more than 4 KiB, and a read before the last header, go to the
// file directly and do not count as headers.
func (a *Ahead) ReadAt(p []byte, off int64) (int, error) {
	end := off + int64(len(p))
	if off >= a.at && end <= a.at+int64(len(a.b)) {
		a.last = max(a.last, off)
		return copy(p, a.b[off-a.at:]), nil
	}
	if len(p) > aheadLeast || end > a.size || off < a.last {
		return a.f.ReadAt(p, off)
	}
	near := off-a.last < aheadLeast
	if a.last = off; !near {
		a.next = 0
		return a.f.ReadAt(p, off)
	}
	a.next = min(max(2*a.next, aheadLeast), aheadMost)
	n := min(a.next, a.size-off)
	if int64(cap(a.b)) < n {
		a.b = make([]byte, n)
	}
	read, err := a.f.ReadAt(a.b[:n], off)
	a.at, a.b = off, a.b[:read]
	if read >= len(p) { // an error behind p, such as a bad sector, is met by the read that needs it
		err = nil
	}
	return copy(p, a.b), err
}
