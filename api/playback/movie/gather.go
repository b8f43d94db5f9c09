package movie

import "io"

// gatherBytes is the number of bytes that are written at once. A write through net/http costs two system calls, whatever its length; and
// this many bytes stay in the caches of a CPU.
const gatherBytes = 256 << 10

// gather joins pieces to long writes.
type gather struct {
	to  io.Writer
	buf []byte // waiting to be written; its capacity is gatherBytes, or 0 before the first piece
}

// write appends bytes.
func (g *gather) write(b []byte) error {
	for len(b) > 0 {
		free, err := g.free()
		if err != nil {
			return err
		}
		n := copy(free, b)
		g.buf, b = g.buf[:len(g.buf)+n], b[n:]
	}
	return nil
}

// copy appends a range of a file. The error is io.ErrUnexpectedEOF for a file that ends before.
func (g *gather) copy(file io.ReaderAt, from place) error {
	for from.n > 0 {
		free, err := g.free()
		if err != nil {
			return err
		}
		want := int(min(from.n, int64(len(free))))
		n, err := file.ReadAt(free[:want], from.at)
		if n < want {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
		g.buf = g.buf[:len(g.buf)+n]
		from.at, from.n = from.at+int64(n), from.n-int64(n)
	}
	return nil
}

// free returns the free part of the buffer, after a write of a full one.
func (g *gather) free() ([]byte, error) {
	if g.buf == nil {
		g.buf = make([]byte, 0, gatherBytes)
	}
	if len(g.buf) == cap(g.buf) {
		if err := g.flush(); err != nil {
			return nil, err
		}
	}
	return g.buf[len(g.buf):cap(g.buf)], nil
}

// flush writes what is waiting.
func (g *gather) flush() error {
	if len(g.buf) == 0 {
		return nil
	}
	_, err := g.to.Write(g.buf)
	g.buf = g.buf[:0]
	return err
}
