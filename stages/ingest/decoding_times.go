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
// The first depth decoding times lie before the first presentation time, at the distance of the pictures. To
// compute them, the first 2*depth+1 units are held.
//
// Invariant: after that, pending holds, in order, the depth presentation times that are not used as decoding times
// yet.
type decodingTimes struct {
	depth        int // codec.DepthUnknown: derived from the first units
	secondTicks  int64
	held         []*Unit // first units, until their decoding times are known
	pendingTicks []int64
	begun        bool
	recentTicks  [maxDepth]int64 // newest presentation times in decoding order, a ring
	count        int             // number of units since the reset
	lastTicks    int64           // newest decoding time
	maxTicks     int64           // highest presentation time
}

const (
	maxDepth    = 16 // largest depth of a decoded picture buffer (ITU-T H.264, A.3.1)
	guessWindow = 12 // number of units from which an unknown depth is derived
)

// reset begins again with another depth at the next unit. The caller flushes the held units first.
func (r *decodingTimes) reset(depth int, timescale uint32) {
	*r = decodingTimes{depth: depth, secondTicks: int64(timescale), held: r.held[:0], pendingTicks: r.pendingTicks[:0]}
}

// breaks reports whether the sender's clock was set before a unit, so that the unit does not continue the time
// line. Pictures that precede an IDR or IRAP picture are presented before it, so an earlier time of such a picture
// is a break.
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

// flush calls out with the held units, whose decoding times it sets from the units at hand. It is called when no
// further unit comes, or when enough units are held.
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
// advance by one tick a unit until they are far enough behind; presentation times do not change.
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

// ahead returns the number of recent units that are presented after pts, and keeps pts.
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

// observedDepth returns the largest number of units that precede a unit that is presented before them.
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
