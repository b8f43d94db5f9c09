package repair

import (
	"fmt"
	"io"
)

// blockBytes is the number of bytes of a file that are read at once.
const blockBytes = 1 << 20

// readAhead reads a file in blocks, for accesses that are mostly sequential.
type readAhead struct {
	f     io.ReaderAt
	size  int64
	at    int64
	b     []byte
	spare int64 // bytes that may be read beyond the requested ones
}

// maxSample limits the size that a damaged table can claim, bytes.
const maxSample = 512 << 20

// bytes returns n bytes at an offset, valid until the next call; nil if the range is not inside
// the file.
func (w *readAhead) bytes(at, n int64) ([]byte, error) {
	if at < 0 || n < 0 || n > maxSample || at > w.size-n {
		return nil, nil
	}
	if at < w.at || at+n > w.at+int64(len(w.b)) {
		want := min(max(n, blockBytes), w.size-at)
		if w.spare -= want - n; w.spare < 0 { // the accesses are not sequential
			want = n
		}
		if int64(cap(w.b)) < want {
			w.b = make([]byte, want)
		}
		w.b, w.at = w.b[:want], at
		if _, err := w.f.ReadAt(w.b, at); err != nil {
			w.b = w.b[:0]
			return nil, fmt.Errorf("read at byte %d: %w", at, err)
		}
	}
	return w.b[at-w.at:][:n:n], nil
}
