//go:build unix

package bareserver

import "syscall"

// largeBuffer asks the system for a receive buffer of socketBufferBytes. The system may allow less.
func largeBuffer(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, socketBufferBytes)
	})
}
