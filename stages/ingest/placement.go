package ingest

import (
	"time"

	"github.com/gospool/spool/pipeline/media"
)

// source is a source of the relation between the tracks' own times.
type source uint8

// The sources, best first.
const (
	sourceReport  source = iota // RTCP sender reports: both times on the sender's clock (RFC 3550, 6.4.1)
	sourceInfo                  // RTP-Info of the answer to PLAY (RFC 2326, 12.33)
	sourceArrival               // arrival of the least delayed units
	sources
)

// String returns the source's name in the log.
func (s source) String() string {
	return [...]string{"sender reports", "RTP-Info", "arrival"}[s]
}

// point pairs a time of a track, in ticks, with the ns of a clock that all tracks share.
type point struct {
	ok      bool
	ticks   int64
	clockNS int64
}

// placement is the time line that all tracks of a feed share. It is made once. No track moves later, since a cut in
// its time would be worse than an offset; if a sender's clocks disagree later, the feed logs it.
type placement struct {
	source source
	zeroNS int64 // ns on the source's clock at the feed's time 0
}

// maxDoubtNS is the largest deviation from arrival, in ns, at which a source is believed: some senders stamp their
// tracks by different clocks.
const maxDoubtNS = int64(5 * time.Second)

// settle chooses the source and the zero: the first presentation of any track.
func (p *placement) settle(tracks []*Track) {
	var with []*Track
	for _, t := range tracks {
		if len(t.pending) > 0 {
			t.points[sourceArrival] = arrival(t)
			with = append(with, t)
		}
	}
	for p.source = sourceReport; p.source < sourceArrival && !usable(with, p.source); p.source++ {
	}
	for i, t := range with {
		if at := t.first(p.source); i == 0 || at < p.zeroNS {
			p.zeroNS = at
		}
	}
}

// usable reports whether every track has a point of a source, and the points agree roughly with arrival.
func usable(tracks []*Track, s source) bool {
	for _, t := range tracks {
		if !t.points[s].ok {
			return false
		}
		apart := t.first(s) - tracks[0].first(s)
		arrived := t.first(sourceArrival) - tracks[0].first(sourceArrival)
		if d := apart - arrived; d > maxDoubtNS || d < -maxDoubtNS {
			return false
		}
	}
	return true
}

// first returns the time of a track's first pending unit on the clock of a source.
func (t *Track) first(s source) int64 {
	p := t.points[s]
	return p.clockNS + media.ToNanos(t.pending[0].PTS-p.ticks, t.cfg.Timescale)
}

// offset returns the ticks to add to a track's times.
func (p *placement) offset(t *Track) int64 {
	at := t.points[p.source]
	return media.FromNanos(at.clockNS-p.zeroNS, t.cfg.Timescale) - at.ticks
}

// arrival returns the point of the least delayed pending unit.
func arrival(t *Track) (best point) {
	var least int64
	for _, u := range t.pending {
		if late := u.MonoNS - media.ToNanos(u.PTS, t.cfg.Timescale); !best.ok || late < least {
			best, least = point{true, u.PTS, u.MonoNS}, late
		}
	}
	return best
}

// byArrival returns the point of a track that begins later, on the clock of the source in use. wall is arrival less
// media time.
func (p *placement) byArrival(t *Track, wall int64) point {
	at := arrival(t)
	at.clockNS += p.zeroNS - wall
	return at
}

// maxDriftNS is the disagreement of the sender's clocks, in ns, from which the feed logs it.
const maxDriftNS = int64(500 * time.Millisecond)

// Report records a sender report: a track was at ticks, the sender's own, when the clock that all the sender's tracks
// share was at ns.
func (t *Track) Report(ticks, ns int64) {
	f := t.feed
	ticks += t.outliers.shift.Now()
	if !t.placed {
		t.points[sourceReport] = point{true, ticks, ns}
		return
	}
	if f.byArrival { // the track's times are not the sender's
		return
	}
	t.driftNS, t.driftLogged = ns-t.nanos(ticks), true
	for _, o := range f.tracks {
		if d := t.driftNS - o.driftNS; o.driftLogged && (d > maxDriftNS || d < -maxDriftNS) {
			if f.doubts++; f.doubts > 2*len(f.tracks) { // fewer: the sender's clock was set between two reports
				f.disagree(d)
			}
			return
		}
	}
	f.doubts = 0
}

// ForgetReport removes the point that a report gave the track, unless the track has its place.
func (t *Track) ForgetReport() { t.points[sourceReport] = point{} }

// Info records RTP-Info: the track is at ticks when the other tracks are at the ticks of their own Info.
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
