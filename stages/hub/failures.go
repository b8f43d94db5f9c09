package hub

import (
	"strings"
	"time"

	"github.com/gospool/spool/pipeline"
)

// failures holds the failures of a pull. The newest is a problem of the stream until media comes.
// Each kind is logged with falling frequency, however often it recurs.
type failures struct {
	err   error     // the newest; nil while the pull has not failed since it began
	since time.Time // of the first of a row without media between
	last  time.Time
	kinds map[string]uint64 // counts by error text without digits
}

const (
	calm     = 10 * time.Minute // the counts start again when the pull has worked for so long
	maxKinds = 32
)

// add records a failure; media reports whether media came before it. It returns the number of
// failures of this kind, and whether to log this one: the 1st, 2nd, 4th, 8th...
func (f *failures) add(err error, now time.Time, media bool) (times uint64, say bool) {
	if now.Sub(f.last) > calm || len(f.kinds) >= maxKinds {
		f.kinds = map[string]uint64{}
	}
	if f.err == nil || media {
		f.since = now
	}
	f.err, f.last = err, now
	kind := strings.Map(withoutDigits, err.Error())
	f.kinds[kind]++
	times = f.kinds[kind]
	return times, times&(times-1) == 0
}

// withoutDigits removes the digits, which differ between errors of one kind: times, ports.
func withoutDigits(r rune) rune {
	if r >= '0' && r <= '9' {
		return -1
	}
	return r
}

// problem returns the problem of the stream while no media comes.
func (f *failures) problem(path string) pipeline.Problem {
	return pipeline.Problem{
		Problem: "pull_failed", Since: f.since, Stream: path, Failing: true, Cause: f.err.Error(),
		Remedy: "spool retries; check that the source is on and reachable, and that the stream's pull URL, user and password are right",
	}
}
