package ingest

import (
	"fmt"
	"math"
	"time"

	"github.com/gospool/spool/pipeline"
)

// senderClock dates the units of a feed by the UTC in the sender's RTCP reports (RFC 3550, 6.4.1), for the setting
// wall_clock: sender.
//
// The reports of one track date all units, since the clocks of two tracks may differ. The first report counts at once, and
// a later one that confirms the date replaces it. A report that contradicts the date counts once the next one confirms it:
// so a clock that was set moves the date once, and one that runs at a wrong rate does not move it at each report.
type senderClock struct {
	wanted bool
	of     *Track // track whose reports count; nil: no report has come

	dated       bool      // offsetNS is known
	offsetNS    int64     // UTC of the sender less the feed's time line
	apartNS     int64     // UTC of the sender less that of arrival, on a clock that never steps, at the newest report
	apartKnown  bool      // a unit has come since the newest report
	doubtNS     int64     // offsetNS by a report that contradicts the date
	doubtful    bool      // doubtNS is valid
	implausible bool      // the problem sender_clock is set
	since       time.Time // when it was set first
	logged      bool
	newestNS    int64 // newest result of apart
}

const (
	// A sender's clock that differs by more from this machine's is wrong. Recordings dated further ahead would show that
	// this machine's clock is wrong (wallclock.Judge).
	maxApartNS = int64(time.Minute)
	// A clock that was wrong is right again if it differs by less: one at the limit does not change the date at each report.
	rightApartNS = int64(50 * time.Second)
	// Reports that differ by less confirm each other.
	maxReportDoubtNS = int64(500 * time.Millisecond)
	// The media time was set anew, or runs at a wrong rate, if the date has moved by more against arrival since a report.
	maxApartDriftNS = int64(5 * time.Second)

	senderClockProblem = math.MinInt // key of the problem; the tracks have others
)

// report takes a report of track t: the sender's clock was at utcNS at atNS on the time line of the feed. It ignores a
// sender without a clock, whose utcNS is 0.
func (s *senderClock) report(t *Track, utcNS, atNS int64) {
	if !s.wanted || utcNS == 0 || t.aside() {
		return
	}
	first := s.of == nil
	if first || s.of.absent {
		s.of = t
	}
	if s.of != t {
		return
	}
	offset := utcNS - atNS
	confirmed := s.dated && near(offset, s.offsetNS) || s.doubtful && near(offset, s.doubtNS)
	if !first && !confirmed {
		s.doubtNS, s.doubtful = offset, true
		return
	}
	s.dated, s.offsetNS, s.doubtful, s.apartKnown = true, offset, false, false
}

func near(a, b int64) bool { return a-b < maxReportDoubtNS && b-a < maxReportDoubtNS }

// forget undoes the reports of track t: another sender sent them. Arrival dates the units until the next report.
func (s *senderClock) forget(t *Track) {
	if s.of == t {
		*s = senderClock{wanted: s.wanted, implausible: s.implausible, since: s.since, logged: s.logged}
	}
}

// apart returns by how many ns the sender's UTC of a unit is ahead of that of its arrival. It returns 0 if the unit is to
// be dated by arrival. pts is the time of the unit on the feed's time line, arrived the UTC of arrival, and stepped by how
// much this machine's clock had been set then, all in ns.
func (s *senderClock) apart(f *Feed, pts, arrived, stepped int64) int64 {
	s.newestNS = s.measure(f, pts, arrived, stepped)
	return s.newestNS
}

func (s *senderClock) measure(f *Feed, pts, arrived, stepped int64) int64 {
	if !s.dated {
		return 0
	}
	apart := s.offsetNS + pts - arrived
	if !s.apartKnown {
		s.apartNS, s.apartKnown = apart+stepped, true
	}
	if by := apart + stepped - s.apartNS; by > maxApartDriftNS || by < -maxApartDriftNS {
		s.dated = false
		return 0
	}
	limit := maxApartNS
	if s.implausible {
		limit = rightApartNS
	}
	if wrong := apart > limit || apart < -limit; wrong != s.implausible {
		s.implausible = wrong
		f.reportSenderClock(apart, arrived)
	}
	if s.implausible {
		return 0
	}
	if !s.logged {
		s.logged = true
		f.log.Info("the sender's reports date the recordings", "ahead_ms", apart/int64(time.Millisecond))
	}
	return apart
}

// reportSenderClock sets the problem sender_clock, or clears it. at is the time of this machine, in ns.
func (f *Feed) reportSenderClock(apart, at int64) {
	if !f.sender.implausible {
		f.pub.Problem(senderClockProblem, nil)
		return
	}
	first := f.sender.since.IsZero()
	if first {
		f.sender.since = time.Unix(0, at)
	}
	f.pub.Problem(senderClockProblem, &pipeline.Problem{
		Problem: "sender_clock",
		Since:   f.sender.since,
		Cause:   fmt.Sprintf("the sender's clock says %s: its recordings are dated by arrival", time.Unix(0, at+apart).UTC().Format(time.RFC3339)),
		Remedy:  "set the clock of the sender and of this machine by NTP, in UTC",
	})
	if first {
		f.log.Warn("the sender's clock is wrong: its recordings are dated by arrival", "ahead", time.Duration(apart).Round(time.Millisecond))
	}
}
