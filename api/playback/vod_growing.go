package playback

import (
	"io"
	"syscall"
)

// prefix is the part of a growing file that can be played. It stays a file to
// the system, so that sendfile(2) still works.
type prefix struct {
	file
	size int64
}

// file is what sendfile(2) needs of an *os.File, without its WriteTo.
type file interface {
	io.Reader
	io.Seeker
	syscall.Conn
}

// Seek counts from the end of the prefix. ServeContent seeks there for the size
// and reads no further.
func (p *prefix) Seek(offset int64, whence int) (int64, error) {
	if whence == io.SeekEnd {
		return p.file.Seek(p.size+offset, io.SeekStart)
	}
	return p.file.Seek(offset, whence)
}
