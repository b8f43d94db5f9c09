//go:build unix

package rtsp

import "syscall"

// readNow is a read of a connection that does not wait. A connection has one, made once: a poll allocates nothing.
type readNow struct {
	into  []byte
	n     int
	again bool
	call  func(fd uintptr) bool // the read itself, in the form that syscall.RawConn requires
}

func (r *readNow) read(fd uintptr) bool {
	var err error
	r.n, err = syscall.Read(int(fd), r.into)
	r.again = err == syscall.EAGAIN || err == syscall.EINTR
	return true // do not wait
}

// arrived reads data that has arrived into p without waiting, and returns the number of bytes. again reports that none
// has arrived and that more may; it is false if the connection has ended or failed.
func (c *conn) arrived(p []byte) (n int, again bool) {
	r := &c.now
	if r.call == nil {
		r.call = r.read
	}
	r.into, r.n, r.again = p, 0, false
	err := c.raw.Read(r.call)
	r.into = nil
	return max(r.n, 0), r.again && err == nil
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
