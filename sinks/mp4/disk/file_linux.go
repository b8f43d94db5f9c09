//go:build !portable

package disk

import (
	"io"
	"io/fs"
	"unsafe"

	"golang.org/x/sys/unix"
)

// vector is the list of buffers of one system call.
type vector []unix.Iovec

// maxBuffers is IOV_MAX, the largest number of buffers in one pwritev.
const maxBuffers = 1024

func (f *file) WritevAt(bufs [][]byte, off int64) error {
	fd := f.Fd()
	for len(bufs) > 0 {
		n, errno := f.pwritev(fd, bufs[:min(len(bufs), maxBuffers)], off)
		if errno == unix.EINTR || errno == unix.EAGAIN {
			continue
		}
		if errno != 0 {
			return &fs.PathError{Op: "pwritev", Path: f.Name(), Err: errno}
		}
		if n == 0 {
			return &fs.PathError{Op: "pwritev", Path: f.Name(), Err: io.ErrShortWrite}
		}
		off += int64(n)
		bufs = consume(bufs, n)
	}
	return nil
}

// pwritev writes as unix.Pwritev does. It reuses f.vector, because unix.Pwritev allocates for more than
// eight buffers.
func (f *file) pwritev(fd uintptr, bufs [][]byte, off int64) (int, unix.Errno) {
	f.vector = f.vector[:0]
	for _, b := range bufs {
		if len(b) > 0 {
			v := unix.Iovec{Base: &b[0]}
			v.SetLen(len(b))
			f.vector = append(f.vector, v)
		}
	}
	if len(f.vector) == 0 {
		return 0, 0
	}
	n, _, errno := unix.Syscall6(unix.SYS_PWRITEV, fd, uintptr(unsafe.Pointer(&f.vector[0])), uintptr(len(f.vector)),
		uintptr(off), uintptr(uint64(off)>>32), 0)
	clear(f.vector) // the file must not retain the chunk's memory
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

// consume returns the unwritten rest of the buffers after a short write of n bytes.
func consume(bufs [][]byte, n int) [][]byte {
	for len(bufs) > 0 && n >= len(bufs[0]) {
		n -= len(bufs[0])
		bufs = bufs[1:]
	}
	if n > 0 {
		bufs[0] = bufs[0][n:]
	}
	return bufs
}

// WriteBack starts to write the dirty pages of a range to the disk. See pageCache.
func (f *file) WriteBack(off, n int64) {
	_ = unix.SyncFileRange(int(f.Fd()), off, n, unix.SYNC_FILE_RANGE_WRITE)
}

// Forget drops the clean cached pages of a range. See pageCache.
func (f *file) Forget(off, n int64) {
	if n > 0 { // 0 would mean the whole file
		_ = unix.Fadvise(int(f.Fd()), off, n, unix.FADV_DONTNEED)
	}
}
