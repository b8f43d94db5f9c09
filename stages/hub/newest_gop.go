package hub

// newest is the media.Queue of the newest GOPs that the hub keeps of its streams, so that a
// recording can begin with a key frame. It joins the budget (media.Budget) by JoinLast, because
// these GOPs do not wait to be recorded: the budget drops them only when no other queue can drop.
type newest struct{ hub *Hub }

// Held returns 0: the budget drops from a queue that joined by JoinLast only when no other queue
// can drop, whatever its size. It implements media.Queue.
func (newest) Held() int64 { return 0 }

// Shed drops the largest of the newest GOPs that the hub keeps of its streams. It returns false if
// the hub keeps no GOP. It implements media.Queue.
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
