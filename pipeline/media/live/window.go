package live

// Keep makes a ring hold chunks that precede the newest GOP: see Ring.Keep.
type Keep struct{ ring *Ring }

// Keep makes the ring hold the chunks of the newest ns as well, beginning with a GOP, as far as the bound on its memory
// permits. It does so until the caller closes the Keep.
func (r *Ring) Keep(ns int64) *Keep {
	k := &Keep{r}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keepNS[k] = ns
	return k
}

// Close ends the demand. Later calls have no effect.
func (k *Keep) Close() {
	k.ring.mu.Lock()
	defer k.ring.mu.Unlock()
	delete(k.ring.keepNS, k)
}

// hold adds the chunk of u to the window, if u is its first unit, and releases chunks that the window need not hold any
// longer. The caller holds r.mu.
func (r *Ring) hold(u *Unit) {
	if n := len(r.window); n > 0 {
		newest := &r.window[n-1]
		if newest.chunk == u.chunk {
			return
		}
		newest.bytes = newest.chunk.MemoryBytes() // it is sealed
		r.bytes += newest.bytes
	}
	r.window = append(r.window, held{chunk: u.chunk.Retain(), first: u.at})
	r.trim(u)
}

// trim releases the chunks before the window. The caller holds r.mu.
func (r *Ring) trim(newest *Unit) {
	keepNS := int64(0)
	for _, ns := range r.keepNS {
		keepNS = max(keepNS, ns)
	}
	first := newest.at // of the window
	if !newest.StartsGOP && len(r.gops) > 0 {
		first = r.gops[len(r.gops)-1].at
	}
	for i := len(r.gops) - 1; keepNS > 0 && i >= 0; i-- {
		first = r.gops[i].at
		if newest.steadyNS()-r.gops[i].steadyNS >= keepNS {
			break
		}
	}
	n := 0
	for n < len(r.window)-1 && r.window[n+1].first <= first {
		n++
	}
	r.release(n)
	for n = 0; r.bytes > r.maxBytes && n < len(r.window)-1; {
		r.release(1)
	}
}

// release releases the n oldest chunks. The caller holds r.mu.
func (r *Ring) release(n int) {
	for i := range n {
		r.bytes -= r.window[i].bytes
		r.window[i].chunk.Release()
	}
	rest := copy(r.window, r.window[n:])
	clear(r.window[rest:])
	r.window = r.window[:rest]
	gone := 0
	for gone < len(r.gops) && (rest == 0 || r.gops[gone].at < r.window[0].first) {
		gone++
	}
	rest = copy(r.gops, r.gops[gone:])
	clear(r.gops[rest:])
	r.gops = r.gops[:rest]
}

// Held returns the bytes of the chunks of the window but the newest. It implements media.Queue.
func (r *Ring) Held() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return int64(r.bytes)
}

// Shed releases the oldest GOP of the window, or what it has of the only one except the newest chunk. It returns false
// if there is nothing to release. It implements media.Queue.
func (r *Ring) Shed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := len(r.window) - 1
	for i := 1; i < n && len(r.gops) > 1; i++ {
		if r.window[i].first >= r.gops[1].at {
			n = i
		}
	}
	if n <= 0 {
		return false
	}
	r.release(n)
	return true
}
