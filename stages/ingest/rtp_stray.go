package ingest

import (
	"github.com/gospool/spool/pipeline/codec"
)

// markedPictures is how many pictures in a row must end with a marker before the
// sender is taken to mark every end.
const markedPictures = 12

// stray reports whether a packet under another time than the picture at hand is a
// part of that picture all the same, since its time is an outlier: it goes on with a
// NAL unit that is not complete, or the sender marks the end of each picture and has
// not marked this one's, and the time is not one that may be next. Where the picture's
// first packet had the wrong time, this one's is taken.
func (t *RTPTrack) stray(payload []byte, pts int64, gap bool) bool {
	if gap || t.unit == nil || t.unit.PTS == pts {
		return false
	}
	u, second := t.unit, int64(t.scale)
	near := func(at int64) bool { return at > t.finished-second && at < t.finished+second && at != t.finished }
	next := pts > u.PTS && pts < u.PTS+second || near(pts) && pts > t.finished && near(u.PTS)
	if !(u.open && t.continues(payload)) && (t.marked < markedPictures || next) {
		return false
	}
	if near(pts) && !near(u.PTS) && t.units > 1 {
		u.PTS = pts
	}
	t.track().outlier()
	return true
}

// continues reports whether a payload is a later fragment of a NAL unit (RFC 6184,
// 5.8; RFC 7798, 4.4.3).
func (t *RTPTrack) continues(p []byte) bool {
	switch t.track().cfg.Codec {
	case codec.H264:
		return len(p) > 1 && (p[0]&0x1f == 28 || p[0]&0x1f == 29) && p[1]&0x80 == 0
	case codec.H265:
		return len(p) > 2 && p[0]>>1&0x3f == 49 && p[2]&0x80 == 0
	}
	return false
}
