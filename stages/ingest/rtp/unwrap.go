package rtp

// unwrapper extends 32-bit RTP times to 64 bits. A time that is far from the newest one may be an outlier, so counting
// moves there only if a later time is near it. If later times return to a position that counting has left, counting
// continues at that position.
type unwrapper struct {
	counted
	left [4]counted // times that were far from the newest one, or at which counting left a position
}

// counted is a time as it was sent, and extended to 64 bits.
type counted struct {
	any       bool // the value is set
	sentTicks uint32
	wideTicks int64
}

// goOn makes counting continue at the sent time v, whose extended form is wide. Before the first time it does nothing.
func (u *unwrapper) goOn(v uint32, wide int64) {
	if u.any {
		*u = unwrapper{counted: counted{true, v, wide}}
	}
}

const farTicks = 1 << 28 // 50 minutes at 90 kHz

func (c counted) isNear(v uint32) bool {
	d := int32(v - c.sentTicks)
	return c.any && d >= -farTicks && d <= farTicks
}

// next returns the extended form of the next time, which may be slightly less than the newest one.
func (u *unwrapper) next(v uint32) int64 {
	wide := u.near(v)
	if !u.isNear(v) {
		i := 0
		for i < len(u.left) && !u.left[i].isNear(v) {
			i++
		}
		if i == len(u.left) {
			copy(u.left[1:], u.left[:])
			u.left[0] = counted{true, v, wide}
			return wide
		}
		wide = u.left[i].wideTicks + int64(int32(v-u.left[i].sentTicks))
		u.left[i] = u.counted
	}
	u.counted = counted{true, v, wide}
	return wide
}

// near returns the extended form of v that is nearest to the newest time. The first time, of a packet or of a
// report, is its own extended form.
func (u *unwrapper) near(v uint32) int64 {
	if !u.any {
		u.counted = counted{true, v, int64(v)}
	}
	return u.wideTicks + int64(int32(v-u.sentTicks))
}
