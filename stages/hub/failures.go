package hub

import (
	"strings"
	"time"

	"github.com/gospool/spool/pipeline"
)

// failures holds the failures of a pull. The newest failure is a problem of the stream while no
// publisher of the stream has known tracks. Failures of one kind have the same text except for
// digits. Each kind is logged at its 1st, 2nd, 4th, 8th... failure.
type failures struct {
	err   error             // the newest failure; nil while the pull has not failed since it began
	since time.Time         // first failure since media came last
	last  time.Time         // time of the newest failure
	kinds map[string]uint64 // number of failures by error text without digits
}

const (
	calm     = 10 * time.Minute // after this time without a failure the counts start again
	maxKinds = 32               // a failure after so many kinds starts the counts again
)

// add records the failure err at the time now. media reports whether the failed attempt had
// received media. add returns the number of failures of the same kind (see failures), this failure
// included, and whether to log it.
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

// withoutDigits maps a digit to -1, for strings.Map to remove, and keeps other characters: errors
// of one kind differ in times and ports.
func withoutDigits(r rune) rune {
	if r >= '0' && r <= '9' {
		return -1
	}
	return r
}

// problem returns the problem pull_failed of the stream at a path. f.err must not be nil.
func (f *failures) problem(path string) pipeline.Problem {
	return pipeline.Problem{
		Problem: "pull_failed", Since: f.since, Stream: path, Failing: true, Cause: f.err.Error(),
		Remedy: "spool retries; check that the source is on and reachable, and that the stream's pull URL, user and password are right",
	}
}
