package repair

import (
	"fmt"
	"io"
)

// blockBytes is the number of bytes of a file that are read at once.
const blockBytes = 1 << 20

// readAhead reads a file in blocks, for accesses that are mostly sequential.
type readAhead struct {
	f          io.ReaderAt
	sizeBytes  int64
	at         int64
	b          []byte
	spareBytes int64 // bytes that may be read beyond the requested ones
}

// maxSampleBytes limits the size that a damaged table can claim, bytes.
const maxSampleBytes = 512 << 20

// bytes returns n bytes at an offset, valid until the next call; nil if the range is not inside
// the file.
func (w *readAhead) bytes(at, n int64) ([]byte, error) {
	if at < 0 || n < 0 || n > maxSampleBytes || at > w.sizeBytes-n {
		return nil, nil
	}
	if at < w.at || at+n > w.at+int64(len(w.b)) {
		want := min(max(n, blockBytes), w.sizeBytes-at)
		if w.spareBytes -= want - n; w.spareBytes < 0 { // the accesses are not sequential
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
