package recorder

import (
	"slices"

	"github.com/gospool/spool/pipeline"
)

// MayBegin reports whether a recording of a stream may yet begin, or begin anew
// after an error, with what arrived before it. None does where every pipeline that
// covers the stream always records it, is doing so, and has no ring: who leaves
// that out does not want media in memory.
//
// The answer holds while Generation is the same.
func (r *Recorder) MayBegin(stream string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.declared, func(d Declared) bool {
		if !d.Covers(stream) {
			return false
		}
		running := r.job(d.Plan.Name, stream) != nil
		return d.Mode != pipeline.Always || !running || d.Plan.Buffered()
	})
}

// Wants reports whether a stream is to be recorded now, whether it is there or not: it
// was started or its window is open, or a pipeline records it always and is neither held
// nor stopped by hand. What waits for an event does not count.
func (r *Recorder) Wants(stream string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return false
	}
	for _, j := range r.streams[stream].jobs() {
		if j.mode != pipeline.Event && !j.isStopping() {
			return true
		}
	}
	return !r.isHalted(stream) && slices.ContainsFunc(r.declared, func(d Declared) bool {
		return d.Mode == pipeline.Always && !r.held[d.Plan.Name] && d.Covers(stream)
	})
}

// Generation changes with the declared pipelines and with every job that begins or
// ends. It is read without a lock, so that a stream may ask for every chunk whether
// it has to ask MayBegin again.
func (r *Recorder) Generation() uint64 { return r.generation.Load() }
