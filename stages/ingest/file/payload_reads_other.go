//go:build !linux || portable

package file

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// readAll fills the buffers from the file, from byte at on.
func readAll(f *os.File, bufs [][]byte, at int64) error {
	for _, b := range bufs {
		n, err := f.ReadAt(b, at)
		if n < len(b) {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return fmt.Errorf("read at byte %d: %w", at+int64(n), err)
		}
		at += int64(n)
	}
	return nil
}

// sequential does nothing: the kernel finds out by itself that f is read from front to back.
func sequential(*os.File) {}
