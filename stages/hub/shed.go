package hub

import "github.com/gospool/spool/pipeline/media"

// Held is what is queued, in bytes. See media.Queue.
func (sub *Subscription) Held() int64 { return sub.held.Load() }

// Shed drops the newest GOP of the queue, or the rest of one that is being taken,
// because the process has too much in memory. What arrives of that GOP is dropped
// too, so that what is queued can be decoded.
func (sub *Subscription) Shed() bool {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	if len(sub.queue) == 0 {
		return false
	}
	from := len(sub.queue) - 1
	for from > 0 && !sub.queue[from].StartsGOP {
		from--
	}
	kept := from // events stay: what they are of may have been taken, or is to come
	for _, c := range sub.queue[from:] {
		if c.Mark != nil && c.Mark.Kind == media.MarkEvent {
			sub.queue[kept] = c
			kept++
			continue
		}
		sub.account(-c.Memory())
		if c.Mark != nil {
			sub.missed(c.Mark.Gap)
			c.Release()
			continue
		}
		sub.drop(c)
	}
	if kept == len(sub.queue) {
		return false
	}
	clear(sub.queue[kept:])
	sub.queue = sub.queue[:kept]
	return true
}

// missed adds what is missing to the gap before what is queued next.
func (sub *Subscription) missed(g media.Gap) {
	if sub.dropping != nil {
		g = sub.dropping.Plus(g)
	}
	sub.dropping = &g
}

func (sub *Subscription) account(bytes int) {
	sub.bytes += bytes
	sub.held.Store(int64(sub.bytes))
}

// newest is the GOPs that the hub keeps so that a recording can begin with a key
// frame. They are given up last: no recording loses anything by it.
type newest struct{ hub *Hub }

// Held does not matter: nobody else is asked last.
func (newest) Held() int64 { return 0 }

// Shed gives up the largest.
func (n newest) Shed() bool {
	h := n.hub
	h.mu.Lock()
	all := make([]*stream, 0, len(h.streams))
	for _, s := range h.streams {
		all = append(all, s)
	}
	h.mu.Unlock()
	var largest *stream
	most := 0
	for _, s := range all {
		s.mu.Lock()
		if s.gopBytes > most {
			largest, most = s, s.gopBytes
		}
		s.mu.Unlock()
	}
	if largest == nil {
		return false
	}
	largest.mu.Lock()
	defer largest.mu.Unlock()
	largest.dropGOP()
	return true
}
