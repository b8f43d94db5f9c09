package recorder

import (
	"fmt"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
)

// claims are the reasons for which a job of mode manual runs: a client's request, a window of the schedule, or
// both. At the end of the window, the job ends unless a client requested it.
type claims struct {
	hand      bool      // a client started the recording
	scheduled bool      // a window of the schedule is open
	window    time.Time // begin of the window; set if scheduled is true
}

// schedule records a stream with each pipeline of mode manual or always that covers it, for the window that
// began at the time window. It may be called again for the same window. If a job of the window has ended by
// itself, for example at the end of a file, schedule does not begin it again in that window. The error wraps
// ErrNoPipeline if no such pipeline covers the stream.
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

// unschedule ends the window of the schedule for the jobs of a stream. It stops the jobs of mode manual that
// ran in the window and that no client started; other jobs continue. It does not wait for the end of the
// stopped jobs.
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

// scheduled returns the paths of the streams that have a job in a window of the schedule. A stream with several
// such jobs occurs several times.
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

// StoppedAt returns the time on the wall clock at which a client stopped the recording of a stream. It is zero
// if no client stopped it, if a client has started it since, or if forgetStops removed the stop.
func (r *Recorder) StoppedAt(stream string) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.streams[stream]; s != nil {
		return s.stopped
	}
	return time.Time{}
}

// stopsUpTo sets the time of each client's stop that is later than now to now: the clock was set back after
// that stop. With the later time, the stop would also hold for windows of the schedule that begin between now
// and that time.
func (r *Recorder) stopsUpTo(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.streams {
		if s.stopped.After(now) {
			r.setStopped(s, now)
		}
	}
}

// Stops returns the times at which clients stopped the recordings of the streams whose paths are in of. The key
// is the path. The next process passes the result to RestoreStops.
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

// RestoreStops restores the result of Stops of the previous process, so that a stream that a client stopped
// stays stopped for the rest of the schedule's window.
func (r *Recorder) RestoreStops(stops map[string]time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for path, at := range stops {
		s := r.state(path)
		r.setStopped(s, at)
		r.forget(s)
	}
}

// noteEnd records the window of the job j if j ended by itself, without a stop, so that schedule does not begin
// the job again in that window. The caller holds r.mu.
func (rec *recording) noteEnd(j *activeJob) {
	if j.scheduled && !j.isStopping() {
		rec.spent = &j.window
	}
}
