package media

import "sync"

// Protection bounds the bytes that events protect from deletion: those of each event and those of
// all protected files. A nil Protection has no bound. It is safe for concurrent use.
//
// A file is protected as a whole or not at all. A growing file counts with its size at the request,
// and with its growth when it is finished: a file that exceeds a bound while it grows stays
// protected, so that no event loses its trigger.
type Protection struct {
	perEventBytes, totalBytes int64 // 0 is no bound

	mu         sync.Mutex // guards what follows
	heldBytes  int64      // bytes protected: by SetProtectedBytes, and by grants since then
	spentBytes map[ID]int64
	order      []ID // keys of spentBytes, oldest first
}

// maxSpent bounds the remembered events: an older event starts again at 0.
const maxSpent = 4096

// NewProtection returns bounds for the bytes of each event and of all protected files.
func NewProtection(perEvent, total int64) *Protection {
	return &Protection{perEventBytes: perEvent, totalBytes: total, spentBytes: map[ID]int64{}}
}

// Grant reports whether an event may protect a file of so many bytes, and counts them if so.
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

// Grew counts the growth of a file after it was granted.
func (p *Protection) Grew(event ID, bytes int64) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count(event, bytes)
}

// SetProtectedBytes sets the bytes of all protected files, as counted by retention.
func (p *Protection) SetProtectedBytes(bytes int64) {
	if p == nil {
		return
	}
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
