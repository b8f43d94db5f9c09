//go:build !linux || portable

package disk

// With the build tag portable, Linux uses the methods of this file too, so that the tests run them.

// vector is empty: WritevAt keeps no list of buffers.
type vector struct{}

// WritevAt writes the buffers one after another.
func (f *file) WritevAt(bufs [][]byte, off int64) error {
	for _, b := range bufs {
		n, err := f.WriteAt(b, off)
		if err != nil {
			return err
		}
		off += int64(n)
	}
	return nil
}

// WriteBack does nothing: the system writes dirty pages when it decides to, and Sync waits for more of them. See
// pageCache.
func (f *file) WriteBack(off, n int64) {}

// Forget does nothing: the system drops the cached pages that it needs for other data. See pageCache.
func (f *file) Forget(off, n int64) {}
