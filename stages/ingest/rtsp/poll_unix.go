//go:build unix

package rtsp

import "syscall"

// arrived reads data that has arrived into p without waiting, and returns the number of bytes. again reports that none
// has arrived and that more may; it is false if the connection has ended or failed.
func (c *conn) arrived(p []byte) (n int, again bool) {
	err := c.raw.Read(func(fd uintptr) bool {
		var err error
		n, err = syscall.Read(int(fd), p)
		again = err == syscall.EAGAIN || err == syscall.EINTR
		return true // do not wait
	})
	return max(n, 0), again && err == nil
}

// listen sets SO_RCVLOWAT of the connection to from: the kernel notifies the Go runtime once that many bytes have
// arrived (see unpolledBytes). A failure is ignored, since it costs only needless notifications.
func (c *conn) listen(from int) {
	if c.lowWaterBytes == from {
		return
	}
	c.lowWaterBytes = from
	_ = c.raw.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVLOWAT, from)
	})
}
