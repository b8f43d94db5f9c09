package playback

import (
	"io"
	"syscall"
)

// prefix is the playable part of a growing file. It remains a file for the kernel, so that
// sendfile(2) still works.
type prefix struct {
	file
	size int64
}

// file is the part of *os.File that sendfile(2) needs, without WriteTo.
type file interface {
	io.Reader
	io.Seeker
	syscall.Conn
}

// Seek counts from the end of the prefix. ServeContent seeks there for the size and reads no
// further.
func (p *prefix) Seek(offset int64, whence int) (int64, error) {
	if whence == io.SeekEnd {
		return p.file.Seek(p.size+offset, io.SeekStart)
	}
	return p.file.Seek(offset, whence)
}
