package pipeline

import "sync"

// Handover keeps objects that the stages of one run leave for the next run of the same pipeline and stream. For
// example, a source stays subscribed to its stream while the files of a lost publisher are finished, so the
// next run has the media of the returning publisher from its begin. The zero value is empty. A nil *Handover
// keeps nothing. It is safe for concurrent use.
type Handover struct {
	mu      sync.Mutex // guards the following fields
	byStage map[string]interface{ Close() }
	closed  bool
}

// Leave stores an object for the stage of this name in the next run, which gets it with Take. The Handover owns the
// object until then: Close closes it if no run has taken it. Leave closes an object that was stored for the same
// stage before.
func (h *Handover) Leave(stage string, v interface{ Close() }) {
	if h == nil {
		v.Close()
		return
	}
	h.mu.Lock()
	old := h.byStage[stage]
	if h.closed {
		old = v
	} else {
		if h.byStage == nil {
			h.byStage = map[string]interface{ Close() }{}
		}
		h.byStage[stage] = v
	}
	h.mu.Unlock()
	if old != nil {
		old.Close()
	}
}

// Take removes and returns the object that the previous run left for a stage, or returns nil if it left none.
// The caller owns the object.
func (h *Handover) Take(stage string) interface{ Close() } {
	if h == nil {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	v := h.byStage[stage]
	delete(h.byStage, stage)
	return v
}

// Pending reports whether a stage left an object with media for the next run: one whose method Pending returns
// true. A run must then follow, or that media is lost.
func (h *Handover) Pending() bool {
	if h == nil {
		return false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, v := range h.byStage {
		if p, ok := v.(interface{ Pending() bool }); ok && p.Pending() {
			return true
		}
	}
	return false
}

// Close closes the objects that Leave has stored and Take has not removed. After Close, Leave does not store an
// object but closes it at once.
func (h *Handover) Close() {
	h.mu.Lock()
	left := h.byStage
	h.byStage, h.closed = nil, true
	h.mu.Unlock()
	for _, v := range left {
		v.Close()
	}
}
