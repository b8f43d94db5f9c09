package recorder

import (
	"fmt"
	"slices"
)

// A stream that is neither live nor configured may be recorded as soon as it comes: it
// is armed. Whoever may start recordings can arm any name, so that their number is
// bounded: each has a pipeline that runs. A stream stays armed until its publisher
// comes, until it is stopped, or until the wait of the event that armed it is over. One
// whose publisher has left is armed again; where there is no room for it, its recording
// ends with its publisher. What the schedule wants is of the configuration, and not
// counted.

// ArmedError is the error of Start and Trigger where as many streams are armed as may be.
type ArmedError struct{ Most int }

// Error says how many may be.
func (e *ArmedError) Error() string {
	return fmt.Sprintf("%d streams that nobody publishes are armed already, and no more may be", e.Most)
}

// Arming tells how many streams are armed.
type Arming struct {
	Armed   int    // streams, now
	Most    int    // that may be; 0: no limit
	Refused uint64 // starts, events and waits for a publisher that left, since there were as many
}

// LimitArmed bounds how many streams are armed; 0 is no limit. It is called before the
// first start.
func (r *Recorder) LimitArmed(most int) { r.arming.Most = most }

// Arming returns the counts of now.
func (r *Recorder) Arming() Arming {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.arming
}

// mayArm returns an *ArmedError where a stream is not known and no more may be armed. The
// caller holds r.mu.
func (r *Recorder) mayArm(stream string) error {
	if r.arming.Most == 0 || r.arming.Armed < r.arming.Most || r.isRecorded(stream) ||
		r.dir.Live(stream) || r.dir.Configured(stream) || r.announced(stream) {
		return nil
	}
	r.arming.Refused++
	return &ArmedError{Most: r.arming.Most}
}

// armIfUnknown counts a stream whose jobs wait for a publisher that nobody has told of.
// The caller holds r.mu, and has begun a job.
func (r *Recorder) armIfUnknown(stream string) {
	s := r.streams[stream]
	if s == nil || s.armed || r.dir.Live(stream) || r.dir.Configured(stream) || !r.isRecorded(stream) {
		return
	}
	if slices.ContainsFunc(s.jobs(), func(j *activeJob) bool { return j.scheduled }) {
		return
	}
	s.armed = true
	r.arming.Armed++
}

// disarmed ends the count of a stream. The caller holds r.mu.
func (r *Recorder) disarmed(s *streamState) {
	if s != nil && s.armed {
		s.armed = false
		r.arming.Armed--
	}
}

// isRecorded reports whether a stream has a job. The caller holds r.mu.
func (r *Recorder) isRecorded(stream string) bool {
	s := r.streams[stream]
	if s == nil {
		return false
	}
	for _, rec := range s.recordings {
		if rec.job != nil {
			return true
		}
	}
	return false
}

// waitsAgain arms a stream whose publisher has left, and reports whether its recording
// goes on for that: false where no more may be armed.
func (r *Recorder) waitsAgain(j *activeJob) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.streams[j.stream]
	full := r.arming.Most > 0 && r.arming.Armed >= r.arming.Most
	if full && s != nil && !s.armed && !j.scheduled && !r.dir.Live(j.stream) && !r.dir.Configured(j.stream) {
		r.arming.Refused++
		r.env.Log.Warn("a recording ends with its publisher: as many streams are armed as may be", "stream", j.stream, "pipeline", j.plan.Name, "most", r.arming.Most)
		return false
	}
	r.armIfUnknown(j.stream)
	return true
}

// announced reports whether a stream has a publisher whose tracks are not known yet.
func (r *Recorder) announced(stream string) bool {
	d, ok := r.dir.(interface{ Announced(path string) bool })
	return ok && d.Announced(stream)
}
