package rtp

// markedPictures is the number of consecutive pictures that must end with a marker before the sender counts as marking
// the end of every picture.
const markedPictures = 12

// stray reports whether a packet belongs to the current picture although its time pts differs, because one of the
// times is an outlier. That is so if the packet continues an incomplete NAL unit. It is also so if the sender marks
// the end of each picture, has not marked the end of the current one, and pts cannot be the time of the next
// picture. If the picture's first packet had the wrong time, stray corrects the picture's time. gap reports whether
// data may be missing before the packet; stray then returns false.
func (t *Track) stray(payload []byte, pts int64, gap bool) bool {
	if gap || t.unit == nil || t.unit.PTS == pts {
		return false
	}
	u, second := t.unit, int64(t.timescale)
	near := func(at int64) bool {
		return at > t.finishedPTSTicks-second && at < t.finishedPTSTicks+second && at != t.finishedPTSTicks
	}
	next := pts > u.PTS && pts < u.PTS+second || near(pts) && pts > t.finishedPTSTicks && near(u.PTS)
	if !(u.Open() && t.video.continues(payload)) && (t.marked < markedPictures || next) {
		return false
	}
	if near(pts) && !near(u.PTS) && t.units > 1 {
		u.PTS = pts
	}
	t.to.Outlier()
	return true
}
