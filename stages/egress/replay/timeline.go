package replay

import (
	"time"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/media/footage"
)

// timeline has the times at which a client gets units, and shows them. They are on two lines: that of playing, which goes on without
// gaps from 0, and that of the recordings, for a client that decides the speed itself.
type timeline struct {
	speed    Speed
	syncOnly bool
	zeroUTC  int64 // time 0 of the line of the recordings; set by the first jump
	begun    bool

	baseNS   int64 // on the line of playing: of originNS, or in reverse of the begin of the present GOP
	originNS int64 // time of the media at which the present recording begins to be played; in reverse, at which the present GOP ends
	nextNS   int64 // on the line of playing: behind the newest unit of the lead track
	endNS    int64 // on the line of playing: behind all units

	startAt time.Time // of startNS
	startNS int64     // on the line of playing: the first unit that was sent since the client's PLAY
}

// jump continues with a unit at another place.
func (t *timeline) jump(u *footage.Unit, s Speed, syncOnly bool) {
	if !t.begun {
		t.begun, t.zeroUTC = true, u.BeginUTC
	}
	t.speed, t.syncOnly = s, syncOnly
	t.nextNS = max(t.nextNS, t.endNS)
	t.begin(u)
}

// next continues with the next unit.
func (t *timeline) next(u *footage.Unit) {
	if u.Begins || t.speed.Reverse() && u.Jumps {
		t.begin(u)
	}
	t.extend(u)
}

func (t *timeline) begin(u *footage.Unit) {
	if u.Jumps { // of recordings that join, a track may end behind the begin of the next one
		t.nextNS = max(t.nextNS, t.endNS)
	}
	t.baseNS, t.originNS = t.nextNS, ns(u, u.DTS)
	if t.speed.Reverse() {
		t.originNS = ns(u, u.GOPEndTicks)
		t.nextNS = t.baseNS + t.scaled(t.originNS-ns(u, u.PTS))
	}
	t.extend(u)
}

func (t *timeline) extend(u *footage.Unit) {
	if t.speed.Reverse() {
		return
	}
	end := t.baseNS + t.scaled(ns(u, u.DTS+u.DurationTicks)-t.originNS)
	t.endNS = max(t.endNS, end)
	if u.Track == u.Set.Lead() {
		t.nextNS = max(t.nextNS, end)
	}
}

func ns(u *footage.Unit, ticks int64) int64 {
	return media.ToNanos(ticks, u.Set.Tracks[u.Track].Timescale)
}

// scaled returns how long a duration of the media is played.
func (t *timeline) scaled(ns int64) int64 {
	return media.Rescale(ns, uint32(max(t.speed.Thousandths, -t.speed.Thousandths)), 1000)
}

// dueNS returns when a unit is sent, on the line of playing. A reversed GOP is sent as a whole.
func (t *timeline) dueNS(u *footage.Unit) int64 {
	if t.speed.Reverse() {
		return t.baseNS
	}
	return t.baseNS + t.scaled(ns(u, u.DTS)-t.originNS)
}

// shownNS returns when a unit is shown, on the line that the RTP times have.
func (t *timeline) shownNS(u *footage.Unit) int64 { return ns(u, t.sent(u)) }

// sent returns when a unit is shown, on the line that the RTP times have, in ticks of its track. At the speed of the recording it is
// exact.
func (t *timeline) sent(u *footage.Unit) int64 {
	scale := u.Set.Tracks[u.Track].Timescale
	origin, base := media.FromNanos(t.originNS, scale), media.FromNanos(t.baseNS, scale)
	switch {
	case t.speed.Unpaced:
		return media.FromNanos(u.BeginUTC-t.zeroUTC, scale) + u.PTS
	case t.speed.Reverse() && t.syncOnly:
		return base
	case t.speed.Reverse():
		return base + t.scaled(origin-u.PTS-u.DurationTicks)
	}
	return base + t.scaled(u.PTS-origin)
}

// start says that the next unit is sent now.
func (t *timeline) start(now time.Time, u *footage.Unit) { t.startAt, t.startNS = now, t.dueNS(u) }

// untilDue returns the time until a unit is due.
func (t *timeline) untilDue(now time.Time, u *footage.Unit) time.Duration {
	return time.Duration(t.dueNS(u)-t.startNS) - now.Sub(t.startAt)
}

// utc returns the wall clock at which a unit is shown, for reports: that of playing, not of the recording.
func (t *timeline) utc(u *footage.Unit) int64 {
	if t.speed.Unpaced {
		return t.startAt.UnixNano()
	}
	return t.startAt.UnixNano() + t.shownNS(u) - t.startNS
}
