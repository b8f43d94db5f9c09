package pipeline

import "sync"

// Kept is what the stages of one run leave to the next run of the same pipeline
// and stream: a source stays subscribed while the files of a lost publisher are
// finished, and so misses nothing of the publisher that comes back. The zero
// value is empty; a nil one keeps nothing. It is safe for concurrent use.
type Kept struct {
	mu      sync.Mutex
	byStage map[string]interface{ Close() }
	closed  bool
}

// Leave hands over what a stage wants its successor to have. It is closed when
// no successor comes.
func (k *Kept) Leave(stage string, v interface{ Close() }) {
	if k == nil {
		v.Close()
		return
	}
	k.mu.Lock()
	old := k.byStage[stage]
	if k.closed {
		old = v
	} else {
		if k.byStage == nil {
			k.byStage = map[string]interface{ Close() }{}
		}
		k.byStage[stage] = v
	}
	k.mu.Unlock()
	if old != nil {
		old.Close()
	}
}

// Take gives what the run before left for a stage, or nil. It is the caller's
// then.
func (k *Kept) Take(stage string) interface{ Close() } {
	if k == nil {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	v := k.byStage[stage]
	delete(k.byStage, stage)
	return v
}

// Close ends what nobody took, and what is left from now on.
func (k *Kept) Close() {
	k.mu.Lock()
	left := k.byStage
	k.byStage, k.closed = nil, true
	k.mu.Unlock()
	for _, v := range left {
		v.Close()
	}
}
