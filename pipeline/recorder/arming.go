package recorder

import (
	"fmt"
	"slices"
)

// A recording may be started for a stream that is neither live nor configured. The stream is then armed: its
// job waits for a publisher. Each client that may start recordings can arm any path, and each armed stream has
// a running pipeline, so the number of armed streams is bounded. A stream stays armed until its publisher
// comes, until it is stopped, or until the wait of the trigger that armed it is over. When the publisher of a
// stream leaves whose recording a client started, the stream is armed again, or its recording ends if the bound
// is reached. Streams that the schedule records do not count, because the configuration names them.

// ArmedError is the error of Start and Trigger when as many streams are armed as LimitArmed allows.
type ArmedError struct{ Most int }

// Error returns a text with the bound.
func (e *ArmedError) Error() string {
	return fmt.Sprintf("%d streams that nobody publishes are armed already, and no more may be", e.Most)
}

// Arming holds counts of armed streams. An armed stream has a job that waits for a publisher, and neither the
// configuration nor a window of the schedule names the stream.
type Arming struct {
	Armed int // number of armed streams at present
	Most  int // largest number of armed streams; 0 is no limit
	// Number of starts, triggers and waits for a returning publisher that the bound refused.
	Refused uint64
}

// LimitArmed sets the largest number of armed streams; 0 is no limit. It is called before the first Start.
func (r *Recorder) LimitArmed(most int) { r.arming.Most = most }

// Arming returns the present number of armed streams, their bound, and the refusals so far.
func (r *Recorder) Arming() Arming {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.arming
}

// mayArm returns an *ArmedError, and counts it in Arming.Refused, if a job for the stream would make one more
// armed stream (see Arming) than LimitArmed allows. Otherwise it returns nil. The caller holds r.mu.
func (r *Recorder) mayArm(stream string) error {
	if r.arming.Most == 0 || r.arming.Armed < r.arming.Most || r.isRecorded(stream) ||
		r.dir.Live(stream) || r.dir.Configured(stream) || r.announced(stream) {
		return nil
	}
	r.arming.Refused++
	return &ArmedError{Most: r.arming.Most}
}

// armIfUnknown counts a stream as armed if it has a job, is neither live nor configured, and is not recorded by
// the schedule. The caller holds r.mu, and may have begun a job of the stream.
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

// disarmed records that the stream s is not armed any more, in s and in the number of armed streams. s may be
// nil. The caller holds r.mu.
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

// waitsAgain reports whether the job j, whose publisher has left, waits for the next one. It then counts the
// stream as armed, see armIfUnknown. It returns false, which ends the job, if one more armed stream would
// exceed the bound of LimitArmed.
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

// announced reports whether a stream has a publisher that has not sent its tracks yet.
func (r *Recorder) announced(stream string) bool {
	d, ok := r.dir.(interface{ Announced(path string) bool })
	return ok && d.Announced(stream)
}
