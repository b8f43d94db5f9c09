package rtsp

import "time"

// A picture arrives in many packets within some milliseconds. Waking a reader for each packet, or even for each picture
// of each stream, would take most of a server's CPU. Therefore all connections that carry media are polled at the same
// moments: every pollBusyEvery if the last poll read much, else every pollEvery. A connection is polled until no data
// has arrived for maxIdlePolling. Its next read then blocks until data arrives.
const (
	pollEvery      = 20 * time.Millisecond // also the longest delay of data; half of a picture's duration at 25 a second
	pollBusyEvery  = 10 * time.Millisecond
	busyBytes      = 16 << 10               // a poll that reads as much is followed by the next after pollBusyEvery
	maxIdlePolling = 120 * time.Millisecond // streams of 10 pictures a second and more are always polled

	// unpolledBytes is the number of received bytes at which the kernel notifies the Go runtime while a connection is
	// polled (SO_RCVLOWAT, socket(7)). A notification for fewer bytes would wake the runtime although no goroutine
	// waits for it. A read that does not wait returns the bytes that are there, however few.
	unpolledBytes = 128 << 10
)

// pollEpoch is the first moment at which connections are polled; the later moments follow at multiples of
// pollBusyEvery.
var pollEpoch = time.Now()

// poll sleeps until the next polling moment (see pollEvery) at which data has arrived, reads the data into p, and
// returns the number of bytes. It returns 0 after maxIdlePolling without data, and if the connection has ended or
// failed. The caller then makes a blocking read, which waits for data or returns the failure.
func (c *conn) poll(p []byte) int {
	c.listen(unpolledBytes)
	for idle := time.Duration(0); idle < maxIdlePolling; {
		pause := pauseAfter(c.polledBytes, time.Since(pollEpoch))
		time.Sleep(pause)
		n, again := c.arrived(p)
		c.polledBytes = n
		if n > 0 || !again {
			return n
		}
		idle += pause
	}
	return 0
}

// pauseAfter returns the time until the next polling moment of a connection whose last poll read polledBytes. now is
// the time since pollEpoch.
func pauseAfter(polledBytes int, now time.Duration) time.Duration {
	every := pollEvery
	if polledBytes >= busyBytes {
		every = pollBusyEvery
	}
	return every - now%every
}

// await waits for data and reads it into p. Unless data is there already, the kernel notifies the Go runtime of every
// byte from now on: fewer than unpolledBytes may be the last ones that the peer sends.
func (c *conn) await(p []byte) (int, error) {
	if c.lowWaterBytes > 1 {
		if n, _ := c.arrived(p); n > 0 {
			return n, nil
		}
		c.listen(1)
	}
	return c.Conn.Read(p)
}
