//go:build unix

package rtsp

import "golang.org/x/sys/unix"

// hungUp reports whether the client has closed its side of the connection, or whether the connection has failed. It
// asks the operating system: a server notices the end of a connection only while it reads.
func (g *serverConn) hungUp() (gone bool) {
	if g.socket == nil {
		return false
	}
	err := g.socket.Control(func(fd uintptr) {
		p := []unix.PollFd{{Fd: int32(fd), Events: peerClosed}}
		n, err := unix.Poll(p, 0)
		gone = err == nil && n > 0 && p[0].Revents&(peerClosed|unix.POLLHUP|unix.POLLERR) != 0
	})
	return gone || err != nil
}
