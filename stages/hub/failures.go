package hub

import (
	"strings"
	"time"

	"github.com/gospool/spool/pipeline"
)

// failures are those of a pull: the newest is a problem of the stream until media
// comes, and each kind is logged seldom, however often it comes again.
type failures struct {
	err   error     // the newest; nil while the pull has not failed since it began
	since time.Time // of the first in a row without media between
	last  time.Time
	kinds map[string]uint64 // how often, by what was said
}

const (
	calm     = 10 * time.Minute // a pull that goes on for so long begins to count anew
	maxKinds = 32
)

// add takes a failure, before which media came or none did. It gives how often its
// like has come, and reports whether that is to be logged: 1, 2, 4, 8...
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

// withoutDigits leaves out what differs between errors of one kind: times, ports.
func withoutDigits(r rune) rune {
	if r >= '0' && r <= '9' {
		return -1
	}
	return r
}

// problem returns what is wrong while no media comes.
func (f *failures) problem(path string) pipeline.Problem {
	return pipeline.Problem{
		Problem: "pull_failed", Since: f.since, Stream: path, Failing: true, Cause: f.err.Error(),
		Remedy: "it is tried again by itself; see that the source is on and can be reached, and that the stream's pull URL, with user and password, is right",
	}
}
