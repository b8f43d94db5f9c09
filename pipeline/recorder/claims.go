package recorder

import (
	"fmt"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
)

// claims are the reasons for which a recording of mode manual continues. It ends with the last
// claim.
type claims struct {
	hand      bool
	scheduled bool
	window    time.Time // begin of the scheduled window
}

// schedule records a stream for the window that began at a time. It may be called repeatedly. A
// source that has ended is not read again in the same window.
func (r *Recorder) schedule(stream string, window time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.streams[stream]; s != nil {
		s.halted = false
	}
	covered := false
	for i := range r.declared {
		d := &r.declared[i]
		if d.Mode == pipeline.ModeEvent || !d.Covers(stream) {
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

// unschedule ends the recordings of a stream that only the schedule claims. It does not wait.
func (r *Recorder) unschedule(stream string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, j := range r.streams[stream].jobs() {
		if !j.scheduled {
			continue
		}
		j.scheduled = false
		if j.mode == pipeline.ModeManual && !j.hand {
			j.requestStop(endcause.Schedule)
		}
	}
}

// scheduled returns the streams that the schedule records.
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

// StoppedAt returns the wall-clock time at which a request stopped a stream's recording; zero if
// none did, or if the stream was started since.
func (r *Recorder) StoppedAt(stream string) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.streams[stream]; s != nil {
		return s.stopped
	}
	return time.Time{}
}

// stopsUpTo moves stops by request that are after now to now: the clock was set back since, and the
// windows in between are not those that were stopped.
func (r *Recorder) stopsUpTo(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.streams {
		if s.stopped.After(now) {
			r.setStopped(s, now)
		}
	}
}

// Stops returns when requests stopped the recordings of the given streams, for RestoreStops of the
// next process.
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

// RestoreStops takes over the Stops of the previous process: a stop by request holds for its
// window.
func (r *Recorder) RestoreStops(stops map[string]time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for path, at := range stops {
		s := r.state(path)
		r.setStopped(s, at)
		r.forget(s)
	}
}

// noteEnd records that a scheduled job ended by itself. The caller holds the recorder's mu.
func (rec *recording) noteEnd(j *activeJob) {
	if j.scheduled && !j.isStopping() {
		rec.spent = &j.window
	}
}
