package recorder

import (
	"slices"

	"github.com/gospool/spool/pipeline"
)

// MayBegin reports whether a job of the stream may begin, and record media that arrived before. It returns false if
// each pipeline that covers the stream has mode always, has a job, and has no buffer such as gop_ring. jobs is then
// their number: once each of them reads the stream, the hub keeps no media of the stream in memory. A job does not
// read after a failed run, until the next one has started.
//
// The result is valid while Generation does not change.
func (r *Recorder) MayBegin(stream string) (may bool, jobs int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	may = slices.ContainsFunc(r.declared, func(d Declared) bool {
		if !d.Covers(stream) {
			return false
		}
		jobs++
		begun := r.job(d.Plan.Name, stream) != nil
		return d.Mode != pipeline.ModeAlways || !begun || d.Plan.Buffered()
	})
	return may, jobs
}

// Wants reports whether the stream should be recorded now, even if it has no publisher. That is so if a client
// or the schedule has started it. It is also so if a pipeline of mode always covers it, unless the pipeline is
// held (see Hold) or a client has stopped the stream. Jobs of mode event do not count.
func (r *Recorder) Wants(stream string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return false
	}
	for _, j := range r.streams[stream].jobs() {
		if j.mode != pipeline.ModeEvent && !j.isStopping() {
			return true
		}
	}
	return !r.isHalted(stream) && slices.ContainsFunc(r.declared, func(d Declared) bool {
		return d.Mode == pipeline.ModeAlways && !r.held[d.Plan.Name] && d.Covers(stream)
	})
}

// Generation returns a number that changes with the declared pipelines and with each job that begins or ends.
// It takes no lock, so that a stream can check for each chunk whether the result of MayBegin is still valid.
func (r *Recorder) Generation() uint64 { return r.generation.Load() }
