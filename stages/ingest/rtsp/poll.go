package rtsp

import (
	"syscall"
	"time"
)

// A picture arrives in many packets within some milliseconds. Were the reader
// woken by each, or even once by each picture of each stream, most of a server's
// CPU would go into waking up. So connections that stream are looked at together,
// at the same moments, and wait for the network only after some moments
// without anything.
const (
	pollEvery    = 10 * time.Millisecond // all that it delays; small against a picture's time
	maxIdlePolls = 12                    // then the network is waited for: pictures at 10 a second and more are met by one

	// unpolledBytes is how much may arrive between two polls without the kernel telling
	// the runtime, which would wake up for it although nobody waits (SO_RCVLOWAT,
	// socket(7); a read that does not wait takes what is there all the same).
	unpolledBytes = 128 << 10
)

// pollEpoch is where the moments of polling are counted from.
var pollEpoch = time.Now()

// poll sleeps to the next moment that finds something and reads it; 0 where
// none does, and where the connection has come to its end or is closed: a plain
// read then says so.
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

// listen sets from how many bytes on the kernel tells of what arrived. That it
// cannot costs no more than being told.
func (c *conn) listen(from int) {
	if c.lowWater == from {
		return
	}
	c.lowWater = from
	_ = c.raw.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVLOWAT, from)
	})
}
