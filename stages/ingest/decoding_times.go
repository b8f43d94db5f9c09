package ingest

import "slices"

// decodingTimes derives decoding times from presentation times.
//
// Units arrive in decoding order. Let depth be the largest number of units that precede, in this order, a unit that
// is presented before them. Then the decoding time of unit i is the (i-depth)th presentation time, in order of
// presentation. Encoders (x264, x265) derive decoding times in the same way, so the decoding times that RTP does
// not carry are restored exactly, also with a variable frame rate. No slice header is read, so the derivation works
// for every codec.
//
// The first depth units have no such presentation time. Their decoding times lie before the first presentation time,
// and are spaced as the first presentation times are. To compute them, the first 2*depth+1 units are held, or
// guessWindow units if the depth is unknown.
//
// Invariant: after that, pendingTicks holds, in order, the presentation times that are not used as decoding times yet.
// There are at most depth of these.
type decodingTimes struct {
	depth        int             // nalunit.DepthUnknown: derived from the first units
	secondTicks  int64           // ticks a second; 0: reset was not called yet
	held         []*Unit         // first units, until their decoding times are known
	pendingTicks []int64         // presentation times that are not used as decoding times yet, in order
	begun        bool            // the first units have their decoding times
	recentTicks  [maxDepth]int64 // newest presentation times in decoding order, a ring
	count        int             // number of units since the reset
	lastTicks    int64           // newest decoding time
	maxTicks     int64           // highest presentation time
}

const (
	maxDepth    = 16 // largest depth of a decoded picture buffer (ITU-T H.264, A.3.1)
	guessWindow = 12 // number of units from which an unknown depth, or a sender's way to form units, is derived
)

// reset forgets all times, and begins again with a depth at the next unit (see decodingTimes). The caller flushes
// the held units first.
func (r *decodingTimes) reset(depth int, timescale uint32) {
	*r = decodingTimes{depth: depth, secondTicks: int64(timescale), held: r.held[:0], pendingTicks: r.pendingTicks[:0]}
}

// breaks reports whether unit u does not continue the time line, because the sender's clock was set before it. That is
// so if its time is more than ten seconds away from the highest one. It is also so if u is a sync sample and its time
// is not higher than all times before: the pictures before a sync sample are presented before it.
func (r *decodingTimes) breaks(u *Unit) bool {
	if !r.begun && len(r.held) == 0 {
		return false
	}
	return u.PTS > r.maxTicks+10*r.secondTicks || u.PTS < r.maxTicks-10*r.secondTicks || u.sync && u.PTS <= r.maxTicks
}

// push takes a unit, and calls out with each unit whose decoding time is then known.
func (r *decodingTimes) push(u *Unit, out func(*Unit)) {
	if r.begun {
		r.maxTicks = max(r.maxTicks, u.PTS)
		r.next(u)
		out(u)
		return
	}
	if len(r.held) == 0 {
		r.maxTicks = u.PTS
	}
	r.maxTicks = max(r.maxTicks, u.PTS)
	r.held = append(r.held, u)
	need := guessWindow
	if r.depth >= 0 {
		need = 2*r.depth + 1
	}
	if len(r.held) >= need || memoryOf(r.held) > maxTrackBytes || u.MonoNS-r.held[0].MonoNS > maxStillNS {
		r.flush(out)
	}
}

// flush sets the decoding times of the held units, from the times of these units alone, and calls out with each. It is
// called when enough units are held, or when no further unit comes.
func (r *decodingTimes) flush(out func(*Unit)) {
	if r.begun || len(r.held) == 0 {
		return
	}
	if r.depth < 0 {
		r.depth = observedDepth(r.held)
	}
	r.begin()
	for i, u := range r.held {
		r.held[i] = nil
		out(u)
	}
	r.held = r.held[:0]
}

func (r *decodingTimes) begin() {
	for _, u := range r.held {
		r.insert(u.PTS)
	}
	lead := r.leadTicks()
	used := 0
	for i, u := range r.held {
		r.ahead(u.PTS)
		if i < r.depth {
			u.DTS = r.pendingTicks[i] - lead
		} else {
			u.DTS = r.pendingTicks[used]
			used++
		}
		r.lastTicks = u.DTS
	}
	r.pendingTicks = slices.Delete(r.pendingTicks, 0, used)
	r.begun = true
}

// leadTicks returns by how many ticks decoding begins before presentation.
func (r *decodingTimes) leadTicks() int64 {
	n := len(r.pendingTicks)
	switch {
	case r.depth == 0:
		return 0
	case n > r.depth:
		return r.pendingTicks[r.depth] - r.pendingTicks[0]
	case n > 1:
		return (r.pendingTicks[n-1] - r.pendingTicks[0]) / int64(n-1) * int64(r.depth)
	}
	return r.secondTicks / 25 * int64(r.depth)
}

// next sets the decoding time of one unit. If the stream reorders by more than the known depth, decoding times
// advance by one tick a unit until they are far enough behind the presentation times, which do not change.
func (r *decodingTimes) next(u *Unit) {
	r.depth = max(r.depth, r.ahead(u.PTS))
	r.insert(u.PTS)
	dts := r.lastTicks + 1
	if len(r.pendingTicks) > r.depth {
		dts = max(r.pendingTicks[0], dts)
		r.pendingTicks = slices.Delete(r.pendingTicks, 0, 1)
	}
	u.DTS, r.lastTicks = dts, dts
}

// ahead returns how many of the last maxDepth units, in decoding order, are presented after pts. It then adds pts
// to these units' presentation times.
func (r *decodingTimes) ahead(pts int64) (n int) {
	for _, before := range r.recentTicks[:min(r.count, maxDepth)] {
		if before > pts {
			n++
		}
	}
	r.recentTicks[r.count%maxDepth] = pts
	r.count++
	return n
}

func (r *decodingTimes) insert(pts int64) {
	i := len(r.pendingTicks)
	for i > 0 && r.pendingTicks[i-1] > pts {
		i--
	}
	r.pendingTicks = slices.Insert(r.pendingTicks, i, pts)
}

// observedDepth returns the reordering depth of units, which are in decoding order: the largest number of units
// that are decoded before a unit but presented after it. It returns at most maxDepth.
func observedDepth(units []*Unit) (depth int) {
	for i, u := range units {
		ahead := 0
		for _, before := range units[:i] {
			if before.PTS > u.PTS {
				ahead++
			}
		}
		depth = max(depth, ahead)
	}
	return min(depth, maxDepth)
}
