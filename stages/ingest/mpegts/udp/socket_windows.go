package udp

import (
	"syscall"

	"golang.org/x/sys/windows"
)

// shareAddress lets several sockets bind one address.
func shareAddress(_, _ string, c syscall.RawConn) error {
	var err error
	if failed := c.Control(func(fd uintptr) {
		err = windows.SetsockoptInt(windows.Handle(fd), windows.SOL_SOCKET, windows.SO_REUSEADDR, 1)
	}); failed != nil {
		return failed
	}
	return err
}
