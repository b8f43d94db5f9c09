package rtp

// unwrapper extends 32-bit RTP times to 64 bits. A time that is far from the last may be an outlier, and so may the
// next ones: when times return to the earlier range, counting continues from there.
type unwrapper struct {
	counted
	left [4]counted // positions of recent times, newest first
}

// counted is a time in its sent form and its wide form.
type counted struct {
	any       bool
	sentTicks uint32
	wideTicks int64
}

// goOn records that the sent time v has the wide form wide, from which counting continues.
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

// next returns the wide form of the next time, which may be slightly before the last.
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

// near returns the wide form of a time close to the last. Counting begins at the first time, of a packet or a report.
func (u *unwrapper) near(v uint32) int64 {
	if !u.any {
		u.counted = counted{true, v, int64(v)}
	}
	return u.wideTicks + int64(int32(v-u.sentTicks))
}
