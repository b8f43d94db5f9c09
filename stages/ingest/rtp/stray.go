package rtp

// markedPictures is the number of consecutive pictures that must end with a marker before the sender counts as
// marking every end.
const markedPictures = 12

// stray reports whether a packet with another time than the current picture still belongs to that picture, since its
// time is an outlier: it continues an incomplete NAL unit, or the sender marks the end of each picture and has not
// marked this one's, and the time can't be the next one. If the picture's first packet had the wrong time, stray
// corrects it.
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
