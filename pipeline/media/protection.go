package media

import "sync"

// Protection bounds the bytes that events protect from deletion: the bytes of each event, and those of all
// protected files together. A nil *Protection has no bound. It is safe for concurrent use.
//
// A file is protected as a whole or not at all. A growing file counts with its size when Grant is called; Grew
// adds the growth when the file is finished. A file that exceeds a bound while it grows stays protected, so
// that each event keeps the media of its trigger.
type Protection struct {
	perEventBytes, totalBytes int64 // 0 means no bound

	mu         sync.Mutex // guards the following fields
	heldBytes  int64      // protected bytes: the last SetProtectedBytes plus everything counted since then
	spentBytes map[ID]int64
	order      []ID // keys of spentBytes, oldest first
}

// maxSpent bounds the events in Protection.spentBytes. The bytes of an event that was removed from that map
// count from 0 again.
const maxSpent = 4096

// NewProtection returns a Protection with a bound, in bytes, for each event and one for all protected files. 0
// is no bound.
func NewProtection(perEvent, total int64) *Protection {
	return &Protection{perEventBytes: perEvent, totalBytes: total, spentBytes: map[ID]int64{}}
}

// Grant reports whether an event may protect a file of the given bytes. If it may, Grant adds the bytes to
// those of the event and to those of all protected files.
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

// Grew counts the bytes by which a file grew after Grant.
func (p *Protection) Grew(event ID, bytes int64) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count(event, bytes)
}

// SetProtectedBytes sets the bytes of all protected files to the sum that retention has counted.
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
