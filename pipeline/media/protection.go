package media

import "sync"

// Protection bounds what events keep from deletion: each by itself, and all that is
// protected together. A nil one bounds nothing. It is safe for concurrent use.
//
// A file is protected whole or not at all. One that grows counts with what it has
// when it is asked for, and with what it got when it is finished: the file that
// passes a bound while it grows stays protected, so that no event loses its trigger.
type Protection struct {
	perEventBytes, totalBytes int64 // bytes, 0 is no bound

	mu         sync.Mutex // guards what follows
	heldBytes  int64      // bytes that are protected: as Told, and what was granted since
	spentBytes map[ID]int64
	order      []ID // of spent, oldest first
}

// maxSpent is how many events are known: one that is older begins anew.
const maxSpent = 4096

// NewProtection makes one for so many bytes of an event, and of all protected files
// together.
func NewProtection(perEvent, total int64) *Protection {
	return &Protection{perEventBytes: perEvent, totalBytes: total, spentBytes: map[ID]int64{}}
}

// Grant reports whether an event may protect a file of so many bytes more, and
// counts them if it may.
func (p *Protection) Grant(event ID, bytes int64) bool {
	if p == nil {
		return true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	over := func(used, bound int64) bool { return bound > 0 && (used+bytes > bound || used >= bound) }
	if over(p.spentBytes[event], p.perEventBytes) || over(p.heldBytes, p.totalBytes) {
		return false
	}
	p.count(event, bytes)
	return true
}

// Grew counts what a file got after it was granted.
func (p *Protection) Grew(event ID, bytes int64) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count(event, bytes)
}

// Told sets what all protected files take.
func (p *Protection) Told(bytes int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.heldBytes = bytes
}

func (p *Protection) count(event ID, bytes int64) {
	if _, known := p.spentBytes[event]; !known {
		if len(p.order) == maxSpent {
			delete(p.spentBytes, p.order[0])
			p.order = p.order[1:]
		}
		p.order = append(p.order, event)
	}
	p.spentBytes[event] += bytes
	p.heldBytes += bytes
}
