package rtp

// markedPictures is how many pictures in a row must end with a marker before the
// sender is taken to mark every end.
const markedPictures = 12

// stray reports whether a packet under another time than the picture at hand is a
// part of that picture all the same, since its time is an outlier: it goes on with a
// NAL unit that is not complete, or the sender marks the end of each picture and has
// not marked this one's, and the time is not one that may be next. Where the picture's
// first packet had the wrong time, this one's is taken.
func (t *Track) stray(payload []byte, pts int64, gap bool) bool {
	if gap || t.unit == nil || t.unit.PTS == pts {
		return false
	}
	u, second := t.unit, int64(t.scale)
	near := func(at int64) bool { return at > t.finished-second && at < t.finished+second && at != t.finished }
	next := pts > u.PTS && pts < u.PTS+second || near(pts) && pts > t.finished && near(u.PTS)
	if !(u.Open() && t.video.continues(payload)) && (t.marked < markedPictures || next) {
		return false
	}
	if near(pts) && !near(u.PTS) && t.units > 1 {
		u.PTS = pts
	}
	t.to.Outlier()
	return true
}
