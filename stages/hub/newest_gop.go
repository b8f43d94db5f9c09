package hub

// newest is the set of GOPs that the hub keeps so that a recording can begin with a key frame. The
// budget sheds them last, because no recording loses anything by it.
type newest struct{ hub *Hub }

// Held returns 0: the budget compares it with no other queue.
func (newest) Held() int64 { return 0 }

// Shed drops the largest of these GOPs.
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
