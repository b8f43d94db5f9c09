package ingest

import (
	"time"

	"github.com/gospool/spool/pipeline/media"
)

// source is a kind of data from which the feed learns how the times of its tracks relate to each other.
type source uint8

// The sources by which a feed relates the times of its tracks to each other, the best one first.
const (
	sourceReport  source = iota // RTCP sender reports: a track's time and the sender's clock (RFC 3550, 6.4.1)
	sourceInfo                  // header RTP-Info of the response to PLAY (RFC 2326, 12.33)
	sourceArrival               // arrival of the least delayed units
	sources                     // number of sources
)

// String returns the name of the source for the log.
func (s source) String() string {
	return [...]string{"sender reports", "RTP-Info", "arrival"}[s]
}

// point pairs a time of a track with a time on a clock that all tracks share.
type point struct {
	ok      bool
	ticks   int64
	clockNS int64
}

// placement is the time line that the tracks of a feed share. It is made when the feed begins. Once a track has its
// place (Track.offsetTicks), that does not change, because a break in its times would be worse than an offset. If
// the clocks of the sender's tracks disagree later, the feed logs that.
type placement struct {
	source   source
	zeroNS   int64 // time on the source's clock at time 0 of the feed
	fromZero bool  // see Feed.FromZero
}

// maxDoubtNS bounds the error of a source. If the distance of two tracks by a source differs by more from their
// distance by arrival, the source is not used: some senders use different clocks for their tracks.
const maxDoubtNS = int64(5 * time.Second)

// settle chooses the source of the time line: the best one that is usable for all tracks with pending units. It
// sets the zero of the time line to the earliest presentation time of these units.
func (p *placement) settle(tracks []*Track) {
	var with []*Track
	for _, t := range tracks {
		if len(t.pending) > 0 && !t.aside() {
			t.points[sourceArrival] = arrival(t)
			with = append(with, t)
		}
	}
	if p.fromZero {
		return
	}
	for p.source = sourceReport; p.source < sourceArrival && !usable(with, p.source); p.source++ {
	}
	for i, t := range with {
		if at := t.first(p.source); i == 0 || at < p.zeroNS {
			p.zeroNS = at
		}
	}
}

// FromZero sets that time 0 of the feed is time 0 of the clock that all tracks share (TrackConfig.OneClock), and not the
// earliest presentation time. The caller calls it before the first unit.
func (f *Feed) FromZero() { f.place.fromZero = true }

// usable reports whether source s can place the tracks on one time line: every track has a point of s, and the
// distances of the tracks by s agree with those by arrival, up to maxDoubtNS.
func usable(tracks []*Track, s source) bool {
	for _, t := range tracks {
		if !t.points[s].ok {
			return false
		}
		apart := t.first(s) - tracks[0].first(s)
		arrived := t.first(sourceArrival) - tracks[0].first(sourceArrival)
		certain := t.cfg.OneClock && tracks[0].cfg.OneClock
		if d := apart - arrived; !certain && (d > maxDoubtNS || d < -maxDoubtNS) {
			return false
		}
	}
	return true
}

// first returns the time of the track's first pending unit, on the clock of source s, in ns. The track must have a
// pending unit and a point of s.
func (t *Track) first(s source) int64 {
	p := t.points[s]
	return p.clockNS + media.ToNanos(t.pending[0].PTS-p.ticks, t.cfg.Timescale)
}

// offset returns the ticks to add to the sent times of track t, so that they become times on the time line of the
// feed.
func (p *placement) offset(t *Track) int64 {
	at := t.points[p.source]
	return media.FromNanos(at.clockNS-p.zeroNS, t.cfg.Timescale) - at.ticks
}

// arrival returns the time and the arrival, on the steady clock, of the least delayed unit in t.pending: the unit
// whose arrival is earliest relative to its time. The point is not ok if t has no pending unit.
func arrival(t *Track) (best point) {
	var least int64
	for _, u := range t.pending {
		if late := u.MonoNS - media.ToNanos(u.PTS, t.cfg.Timescale); !best.ok || late < least {
			best, least = point{true, u.PTS, u.MonoNS}, late
		}
	}
	return best
}

// byArrival returns the point of track t on the clock of the source in use, for a track that begins after the
// others and has no point of that source. It computes the point from the arrival of the pending units of t. wall is
// the offset between arrival and the time line, in ns: the arrival of the least delayed unit of the other tracks,
// less its time on the time line.
func (p *placement) byArrival(t *Track, wall int64) point {
	at := arrival(t)
	at.clockNS += p.zeroNS - wall
	return at
}

// maxDriftNS is the disagreement between the clocks of two tracks of the sender above which the feed logs it.
const maxDriftNS = int64(500 * time.Millisecond)

// Report records a sender report: the time of the track was ticks when the sender's clock, which all its tracks
// share, was at ns, of UTC if the sender knows it. It is 0 if the sender has no clock but its tracks share one time line.
func (t *Track) Report(ticks, ns int64) {
	f := t.feed
	ticks += t.outliers.shift.Now()
	if !t.placed {
		t.points[sourceReport] = point{true, ticks, ns}
		return
	}
	if f.byArrival || t.aside() { // the track's times need not follow the sender's clock
		return
	}
	at := t.nanos(ticks)
	f.sender.report(t, ns, at)
	t.driftNS, t.driftKnown = ns-at, true
	for _, o := range f.tracks {
		if d := t.driftNS - o.driftNS; o.driftKnown && (d > maxDriftNS || d < -maxDriftNS) {
			if f.doubts++; f.doubts > 2*len(f.tracks) { // fewer may come from a clock that was set between two reports
				f.disagree(d)
			}
			return
		}
	}
	f.doubts = 0
}

// ForgetReport undoes Report for a track that has no place on the time line yet. It does not move a track that has its
// place.
func (t *Track) ForgetReport() {
	t.points[sourceReport] = point{}
	t.feed.sender.forget(t)
}

// Info records the RTP time of the header RTP-Info: this track is at ticks at the moment at which each other track
// is at the ticks that its own Info got.
func (t *Track) Info(ticks int64) { t.points[sourceInfo] = point{true, ticks, 0} }

func (f *Feed) disagree(ns int64) {
	if f.warned {
		return
	}
	f.warned = true
	f.pub.Lost(media.DropClocksDisagree, 1)
	f.log.Warn("the sender's reports contradict the tracks' alignment: sound and picture may be out of sync",
		"by_ms", ns/int64(time.Millisecond), "aligned_by", f.place.source)
}
