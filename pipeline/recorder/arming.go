package recorder

import (
	"fmt"
	"slices"
)

// A recording can be started for a stream that is neither live nor configured: the stream is then
// armed. Every client that may start recordings can arm any name, and each armed stream has a
// running pipeline, so their number is bounded. A stream stays armed until its publisher comes,
// until it is stopped, or until the wait of the event that armed it is over. A stream whose
// publisher has left is armed again; if the bound forbids that, its recording ends. Streams that
// the schedule records are not counted: the configuration names them.

// ArmedError is the error of Start and Trigger at the bound of armed streams.
type ArmedError struct{ Most int }

// Error returns the bound.
func (e *ArmedError) Error() string {
	return fmt.Sprintf("%d streams that nobody publishes are armed already, and no more may be", e.Most)
}

// Arming counts the armed streams.
type Arming struct {
	Armed   int    // armed streams
	Most    int    // bound; 0 is no limit
	Refused uint64 // starts, events and waits for a returning publisher that the bound refused
}

// LimitArmed bounds the armed streams; 0 is no limit. It is called before the first start.
func (r *Recorder) LimitArmed(most int) { r.arming.Most = most }

// Arming returns the present counts.
func (r *Recorder) Arming() Arming {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.arming
}

// mayArm returns an *ArmedError if the stream is unknown and the bound of armed streams is reached.
// The caller holds r.mu.
func (r *Recorder) mayArm(stream string) error {
	if r.arming.Most == 0 || r.arming.Armed < r.arming.Most || r.isRecorded(stream) ||
		r.dir.Live(stream) || r.dir.Configured(stream) || r.announced(stream) {
		return nil
	}
	r.arming.Refused++
	return &ArmedError{Most: r.arming.Most}
}

// armIfUnknown counts the stream as armed if it is neither live nor configured. The caller holds
// r.mu, and has begun a job.
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

// waitsAgain arms a stream whose publisher has left, and reports whether its recording continues:
// false at the bound of armed streams.
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
