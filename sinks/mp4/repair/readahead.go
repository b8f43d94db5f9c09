package repair

import (
	"fmt"
	"io"
)

// blockBytes is the least number of bytes that a readAhead reads at once. When its spareBytes
// are used up, it reads the requested bytes only.
const blockBytes = 1 << 20

// readAhead reads a file in blocks, for accesses that are mostly sequential.
type readAhead struct {
	f          io.ReaderAt
	sizeBytes  int64  // size of the file
	at         int64  // offset of b
	b          []byte // the newest block
	spareBytes int64  // bytes that it may still read in addition to the requested ones
}

// maxSampleBytes is the largest size of a sample: a larger one is damage.
const maxSampleBytes = 512 << 20

// bytes returns the n bytes at an offset, valid until the next call. It returns nil without an
// error if the range is not inside the file or exceeds maxSampleBytes.
func (w *readAhead) bytes(at, n int64) ([]byte, error) {
	if at < 0 || n < 0 || n > maxSampleBytes || at > w.sizeBytes-n {
		return nil, nil
	}
	if at < w.at || at+n > w.at+int64(len(w.b)) {
		want := min(max(n, blockBytes), w.sizeBytes-at)
		if w.spareBytes -= want - n; w.spareBytes < 0 { // too many accesses were not sequential
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
