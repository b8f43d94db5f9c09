//go:build unix

package udp

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// shareAddress lets several sockets bind one address.
func shareAddress(_, _ string, c syscall.RawConn) error {
	var err error
	if failed := c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1) }); failed != nil {
		return failed
	}
	return err
}
