package recorder

import (
	"fmt"
	"maps"
	"time"

	"github.com/gospool/spool/pipeline"
)

// claims are who wants a recording that is started by hand to go on. It ends
// when nobody does.
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
	delete(r.halted, stream)
	covered := false
	for i := range r.declared {
		d := &r.declared[i]
		if d.Mode == pipeline.Event || !d.Covers(stream) {
			continue
		}
		covered = true
		key := jobKey{d.Plan.Name, stream}
		if spent, ok := r.spent[key]; ok && spent.Equal(window) {
			continue
		}
		r.begin(d, stream, 0, pipeline.AnyPublisher)
		if j := r.jobs[key]; j != nil {
			j.scheduled, j.window = true, window
		}
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
	for key, j := range r.jobs {
		if key.stream != stream || !j.scheduled {
			continue
		}
		j.scheduled = false
		if j.mode == pipeline.Manual && !j.hand {
			j.requestStop(pipeline.ReasonSchedule)
		}
	}
}

// scheduled lists the streams that are recorded by the schedule.
func (r *Recorder) scheduled() (streams []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for key, j := range r.jobs {
		if j.scheduled {
			streams = append(streams, key.stream)
		}
	}
	return streams
}

// StoppedAt is when a stream's recording was stopped by hand, by the wall clock;
// zero: it was not, or has been started since.
func (r *Recorder) StoppedAt(stream string) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stopped[stream]
}

// stopsUpTo makes stops by hand that the clock has yet to reach those of now: it
// was set back since, and windows of the time between are not those that were
// stopped.
func (r *Recorder) stopsUpTo(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for stream, at := range r.stopped {
		if at.After(now) {
			r.stopped[stream] = now
		}
	}
}

// Stops are when the recordings of streams were stopped by hand, for the next
// process to RestoreStops.
func (r *Recorder) Stops() map[string]time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.stopped)
}

// RestoreStops is told what Stops was before a restart: a stop by hand holds for
// its window.
func (r *Recorder) RestoreStops(stops map[string]time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	maps.Copy(r.stopped, stops)
}

// noteEnd remembers a scheduled job that ended by itself. The caller holds r.mu.
func (r *Recorder) noteEnd(key jobKey, j *recording) {
	select {
	case <-j.stopping:
	default:
		if j.scheduled {
			r.spent[key] = j.window
		}
	}
}
