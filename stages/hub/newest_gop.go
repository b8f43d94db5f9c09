package hub

// newest is the media.Queue of the newest GOPs that the hub keeps of its streams, so that a
// recording can begin with a key frame. It joins the budget by JoinLast, because these GOPs do not
// wait to be recorded: the budget drops them only when no other queue can drop.
type newest struct{ hub *Hub }

// Held returns 0: a queue that joined by JoinLast is not chosen by its size.
func (newest) Held() int64 { return 0 }

// Shed drops, of the newest GOPs of all streams, the one that takes the most memory. It returns
// false if the hub keeps no GOP.
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
