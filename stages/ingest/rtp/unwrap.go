package rtp

// unwrapper extends 32-bit RTP times to 64 bits: each to the value nearest to the newest time. A time far from the
// newest one may be an outlier, so it becomes the newest time only if a later time is near it. The unwrapper keeps
// the last four times that were far, or that it replaced as the newest time by such a jump. If a later time is near
// one of them, counting continues from that one.
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

// goOn makes v the newest time, and wide its extended form, so that next continues from there. It does nothing
// before the first time.
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

// next returns the extended form of the time v of the next packet. It may be slightly less than the extended form
// of the time before.
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
