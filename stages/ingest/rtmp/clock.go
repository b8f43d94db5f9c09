package rtmp

import (
	"time"

	"github.com/gospool/spool/pipeline/media"
)

// unwrapper makes times that do not wrap of those of messages, which all tracks share.
type unwrapper struct {
	begun bool
	raw   uint32
	ms    int64
}

// next returns the time of a message. It is less than 25 days before or after that of the message before.
func (u *unwrapper) next(raw uint32) int64 {
	if !u.begun {
		u.begun, u.raw, u.ms = true, raw, int64(raw)
	}
	u.ms += int64(int32(raw - u.raw))
	u.raw = raw
	return u.ms
}

// maxBack is how far a time may step back without being a sign that the sender has set its clock: package media treats a
// larger step so.
const maxBack = 2 * time.Second

// trackClock makes the decoding times of one track.
type trackClock struct {
	timescale uint32
	begun     bool
	lastTicks int64
	nextTicks int64 // end of the last frame of sound
	exact     bool  // nextTicks is known
}

// picture returns the decoding time of a picture whose message has a time, in ns. nudged is set if it had to be placed
// behind the picture before, whose time is not earlier.
func (c *trackClock) picture(ns int64) (ticks int64, nudged bool) {
	return c.after(media.FromNanos(ns, c.timescale))
}

// sound returns the time of a frame of sound whose message has a time, in ns, and which lasts so many ticks; 0 is
// unknown. The frame begins where the one before ended, unless that is more than a millisecond from the time of the
// message, which has been rounded.
func (c *trackClock) sound(ns, durationTicks int64) (ticks int64, nudged bool) {
	at := media.FromNanos(ns, c.timescale)
	if tolerance := int64(c.timescale)/1000 + 1; c.exact {
		at = min(max(c.nextTicks, at-tolerance), at+tolerance)
	}
	at, nudged = c.after(at)
	c.nextTicks, c.exact = at+durationTicks, durationTicks > 0
	return at, nudged
}

// after returns a time, or that behind the last one if it is not later, unless the clock has been set.
func (c *trackClock) after(ticks int64) (at int64, nudged bool) {
	back := c.lastTicks - ticks
	if nudged = c.begun && back >= 0 && back <= media.FromNanos(int64(maxBack), c.timescale); nudged {
		ticks = c.lastTicks + 1
	}
	c.begun, c.lastTicks = true, ticks
	return ticks, nudged
}
