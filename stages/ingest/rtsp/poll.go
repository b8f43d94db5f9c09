package rtsp

import (
	"syscall"
	"time"
)

// A picture arrives in many packets within some milliseconds. If each packet, or even each picture of each stream,
// woke its reader, the wake-ups would take most of a server's CPU. Streaming connections are therefore polled
// together, at the same moments, and wait for the network only after some moments without data.
const (
	pollEvery    = 10 * time.Millisecond // the largest delay; small against a picture's duration
	maxIdlePolls = 12                    // then the reader waits for the network; a poll serves pictures at 10 a second and more

	// unpolledBytes is the number of bytes that may arrive between two polls before the kernel notifies the runtime,
	// which would wake up although no goroutine waits (SO_RCVLOWAT, socket(7); a read that does not wait takes all
	// bytes there are).
	unpolledBytes = 128 << 10
)

// pollEpoch is the zero of the moments of polling.
var pollEpoch = time.Now()

// poll sleeps to the next moment with data and reads it. It returns 0 if no data came, and if the connection has
// ended or is closed: a plain read then returns the reason.
func (c *conn) poll() (n int) {
	c.listen(unpolledBytes)
	for range maxIdlePolls {
		time.Sleep(pollEvery - time.Since(pollEpoch)%pollEvery)
		again := false
		err := c.raw.Read(func(fd uintptr) bool {
			var err error
			n, err = syscall.Read(int(fd), c.buf)
			again = err == syscall.EAGAIN || err == syscall.EINTR
			return true // do not wait
		})
		if n > 0 {
			return n
		}
		if err != nil || !again {
			break
		}
	}
	c.listen(1)
	return 0
}

// listen sets the number of bytes from which the kernel notifies the runtime. A failure costs only the notifications.
func (c *conn) listen(from int) {
	if c.lowWaterBytes == from {
		return
	}
	c.lowWaterBytes = from
	_ = c.raw.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVLOWAT, from)
	})
}
