package pipeline

import "sync"

// Handover keeps objects that the stages of one run leave to the next run of the same pipeline and
// stream: a source stays subscribed while the files of a lost publisher are finished, and so misses
// nothing of the returning publisher. The zero value is empty; a nil Handover keeps nothing. It is
// safe for concurrent use.
type Handover struct {
	mu      sync.Mutex // guards what follows
	byStage map[string]interface{ Close() }
	closed  bool
}

// Leave stores an object for the stage's successor. It is closed if no successor takes it.
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

// Take removes and returns the object that the previous run left for a stage, or nil. The caller
// owns it.
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

// Close closes the objects that no run took, and from then on every object that is left.
func (h *Handover) Close() {
	h.mu.Lock()
	left := h.byStage
	h.byStage, h.closed = nil, true
	h.mu.Unlock()
	for _, v := range left {
		v.Close()
	}
}
