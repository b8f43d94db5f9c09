package rtsp

import (
	"syscall"
	"time"
)

// A picture arrives in many packets within some milliseconds. Were the reader
// woken by each, or even once by each picture of each stream, most of a server's
// CPU would go into waking up. So connections that stream are looked at together,
// at every beat of one clock, and wait for the network only after some beats
// without anything.
const (
	beat     = 10 * time.Millisecond // all that it delays; small against a picture's time
	patience = 12                    // beats: pictures at 10 a second and more are met by one

	// unheard is how much may arrive between two beats without the kernel telling
	// the runtime, which would wake up for it although nobody waits (SO_RCVLOWAT,
	// socket(7); a read that does not wait takes what is there all the same).
	unheard = 128 << 10
)

// metronome is where the beats are counted from.
var metronome = time.Now()

// gathered sleeps to the next beat that finds something and reads it; 0 where
// none does, and where the connection has come to its end or is closed: a plain
// read then says so.
func (c *conn) gathered() (n int) {
	c.listen(unheard)
	for range patience {
		time.Sleep(beat - time.Since(metronome)%beat)
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
