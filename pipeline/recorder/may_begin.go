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

// Generation changes with the declared pipelines and with every job that begins or
// ends. It is read without a lock, so that a stream may ask for every chunk whether
// it has to ask MayBegin again.
func (r *Recorder) Generation() uint64 { return r.generation.Load() }
