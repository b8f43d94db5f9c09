//go:build !portable

package file

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// readAll fills the buffers from the file, from byte at on. It changes bufs.
func readAll(f *os.File, bufs [][]byte, at int64) error {
	for len(bufs) > 0 {
		n, err := unix.Preadv(int(f.Fd()), bufs, at)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return fmt.Errorf("read at byte %d: %w", at, err)
		case n == 0:
			return fmt.Errorf("read at byte %d: %w", at, io.ErrUnexpectedEOF)
		}
		at += int64(n)
		for n > 0 && n >= len(bufs[0]) {
			n -= len(bufs[0])
			bufs = bufs[1:]
		}
		if n > 0 {
			bufs[0] = bufs[0][n:]
		}
	}
	return nil
}

// sequential advises the kernel that f is read from front to back. It ignores an error, because reading does not depend
// on the advice.
func sequential(f *os.File) { _ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_SEQUENTIAL) }
