//go:build !portable

package export

import "golang.org/x/sys/unix"

// forget drops the clean cached pages of a range of an open file.
func forget(fd int, off, n int64) { _ = unix.Fadvise(fd, off, n, unix.FADV_DONTNEED) }
