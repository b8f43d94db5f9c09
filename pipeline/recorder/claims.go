package recorder

import (
	"fmt"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
)

// claims say who wants a recording of mode manual to go on. It ends when no claim is
// left.
type claims struct {
	hand      bool
	scheduled bool
	window    time.Time // the scheduled one's begin
}

// schedule records a stream because the window that began at a moment wants it.
// It may be called again and again. A source that has come to its end is not
// read once more in the same window.
func (r *Recorder) schedule(stream string, window time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.streams[stream]; s != nil {
		s.halted = false
	}
	covered := false
	for i := range r.declared {
		d := &r.declared[i]
		if d.Mode == pipeline.Event || !d.Covers(stream) {
			continue
		}
		covered = true
		rec := r.recording(d.Plan.Name, stream)
		if rec.spent != nil && rec.spent.Equal(window) {
			continue
		}
		r.begin(d, stream, 0, pipeline.AnyPublisher)
		if rec.job != nil {
			rec.job.scheduled, rec.job.window = true, window
		}
	}
	if s := r.streams[stream]; s != nil {
		r.forget(s)
	}
	if !covered {
		return fmt.Errorf("%s: %w", stream, ErrNoPipeline)
	}
	return nil
}

// unschedule ends what only the schedule wanted. It does not wait.
func (r *Recorder) unschedule(stream string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, j := range r.streams[stream].jobs() {
		if !j.scheduled {
			continue
		}
		j.scheduled = false
		if j.mode == pipeline.Manual && !j.hand {
			j.requestStop(endcause.Schedule)
		}
	}
}

// scheduled lists the streams that are recorded by the schedule.
func (r *Recorder) scheduled() (streams []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, j := range r.all() {
		if j.scheduled {
			streams = append(streams, j.stream)
		}
	}
	return streams
}

// StoppedAt is when a stream's recording was stopped by hand, by the wall clock;
// zero: it was not, or has been started since.
func (r *Recorder) StoppedAt(stream string) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.streams[stream]; s != nil {
		return s.stopped
	}
	return time.Time{}
}

// stopsUpTo makes stops by hand that the clock has yet to reach those of now: it
// was set back since, and windows of the time between are not those that were
// stopped.
func (r *Recorder) stopsUpTo(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.streams {
		if s.stopped.After(now) {
			r.setStopped(s, now)
		}
	}
}

// Stops are when the recordings of some streams were stopped by hand, for the next
// process to RestoreStops.
func (r *Recorder) Stops(of []string) map[string]time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	stops := map[string]time.Time{}
	for _, path := range of {
		if s := r.streams[path]; s != nil && !s.stopped.IsZero() {
			stops[path] = s.stopped
		}
	}
	return stops
}

// RestoreStops takes the Stops of the process before this one: a stop by hand holds for
// its window.
func (r *Recorder) RestoreStops(stops map[string]time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for path, at := range stops {
		s := r.state(path)
		r.setStopped(s, at)
		r.forget(s)
	}
}

// noteEnd remembers a scheduled job that ended by itself. The recorder's mu is held.
func (rec *recording) noteEnd(j *activeJob) {
	if j.scheduled && !j.isStopping() {
		rec.spent = &j.window
	}
}
