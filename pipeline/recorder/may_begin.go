package recorder

import (
	"slices"

	"github.com/gospool/spool/pipeline"
)

// MayBegin reports whether a recording of the stream may begin, or begin again after an error, that
// uses media received before. It returns false if every pipeline that covers the stream has mode
// always, records it already, and has no ring: such a configuration keeps no media in memory.
//
// The result holds while Generation is unchanged.
func (r *Recorder) MayBegin(stream string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.declared, func(d Declared) bool {
		if !d.Covers(stream) {
			return false
		}
		running := r.job(d.Plan.Name, stream) != nil
		return d.Mode != pipeline.ModeAlways || !running || d.Plan.Buffered()
	})
}

// Wants reports whether a stream should be recorded now, with or without a publisher: it was
// started or its window is open, or a pipeline of mode always covers it and is neither held nor
// stopped by request. Jobs that wait for events do not count.
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

// Generation changes with the declared pipelines and with every job that begins or ends. It is read
// without a lock, so that a stream can check for every chunk whether to call MayBegin again.
func (r *Recorder) Generation() uint64 { return r.generation.Load() }
