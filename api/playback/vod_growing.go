package playback

import (
	"io"
	"syscall"
)

// prefix is the part of a growing file that can be played: its first size bytes. It has the methods
// by which net/http recognises a file, so that net/http uses sendfile(2).
type prefix struct {
	file
	size int64
}

// file has the methods of *os.File that net/http needs for sendfile(2). It leaves out WriteTo, which
// io.Copy would call instead.
type file interface {
	io.Reader
	io.Seeker
	syscall.Conn
}

// Seek sets the offset of the next read: see io.Seeker. io.SeekEnd counts from the end of the prefix.
// http.ServeContent finds the size in this way and reads no byte beyond it.
func (p *prefix) Seek(offset int64, whence int) (int64, error) {
	if whence == io.SeekEnd {
		return p.file.Seek(p.size+offset, io.SeekStart)
	}
	return p.file.Seek(offset, whence)
}
