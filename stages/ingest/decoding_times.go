package ingest

import "slices"

// decodingTimes derives decoding times from presentation times.
//
// In decoding order, and with at most depth pictures ahead of one that is shown
// before them, the decoding time of picture i is the (i-depth)th presentation
// time in order of presentation. This is how encoders (x264, x265) make decoding
// times themselves, so what was stripped for RTP comes back exactly, variable
// frame rate included. Unlike a derivation from picture order counts it needs no
// slice header, and works the same for every codec.
//
// The first depth times lie before the first presentation; they are spaced like
// the pictures are. For this the first 2*depth+1 units are held back once.
//
// Invariant: past the beginning, pending holds depth presentation times that are
// not yet given out as decoding times, in order.
type decodingTimes struct {
	depth   int // codec.DepthUnknown: found by looking at the first units
	second  int64
	held    []*Unit // while beginning
	pending []int64
	begun   bool
	recent  [maxDepth]int64 // presentation times in decoding order, a ring
	count   int             // units since the reset
	last    int64           // decoding time given last
	max     int64           // highest presentation time so far
}

const (
	maxDepth    = 16 // of the decoded picture buffer (ITU-T H.264, A.3.1)
	guessWindow = 12 // units that an unknown depth is read from
)

// reset goes on with another depth, at the next unit. Nothing may be held.
func (r *decodingTimes) reset(depth int, timescale uint32) {
	*r = decodingTimes{depth: depth, second: int64(timescale), held: r.held[:0], pending: r.pending[:0]}
}

// breaks reports whether a unit does not continue the time line: the sender's
// clock was set. Every picture before an IDR or IRAP is shown before it.
func (r *decodingTimes) breaks(u *Unit) bool {
	if !r.begun && len(r.held) == 0 {
		return false
	}
	return u.PTS > r.max+10*r.second || u.PTS < r.max-10*r.second || u.sync && u.PTS <= r.max
}

// push takes a unit and hands on those whose decoding time is known.
func (r *decodingTimes) push(u *Unit, out func(*Unit)) {
	if r.begun {
		r.max = max(r.max, u.PTS)
		r.next(u)
		out(u)
		return
	}
	if len(r.held) == 0 {
		r.max = u.PTS
	}
	r.max = max(r.max, u.PTS)
	r.held = append(r.held, u)
	need := guessWindow
	if r.depth >= 0 {
		need = 2*r.depth + 1
	}
	if len(r.held) >= need || memoryOf(r.held) > heldMemory || u.Mono-r.held[0].Mono > maxStill {
		r.flush(out)
	}
}

// flush begins with what is held, where not begun: nothing more comes, or enough
// is there.
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
			u.DTS = r.pending[i] - lead
		} else {
			u.DTS = r.pending[used]
			used++
		}
		r.last = u.DTS
	}
	r.pending = slices.Delete(r.pending, 0, used)
	r.begun = true
}

// leadTicks is by how much decoding begins before presentation.
func (r *decodingTimes) leadTicks() int64 {
	n := len(r.pending)
	switch {
	case r.depth == 0:
		return 0
	case n > r.depth:
		return r.pending[r.depth] - r.pending[0]
	case n > 1:
		return (r.pending[n-1] - r.pending[0]) / int64(n-1) * int64(r.depth)
	}
	return r.second / 25 * int64(r.depth)
}

// next gives one unit its decoding time. Where the stream reorders more than was
// known, decoding time advances by a tick a unit until it is behind far enough;
// presentation times stay exact.
func (r *decodingTimes) next(u *Unit) {
	r.depth = max(r.depth, r.ahead(u.PTS))
	r.insert(u.PTS)
	dts := r.last + 1
	if len(r.pending) > r.depth {
		dts = max(r.pending[0], dts)
		r.pending = slices.Delete(r.pending, 0, 1)
	}
	u.DTS, r.last = dts, dts
}

// ahead returns how many of the units before were to be shown after this one, which
// is remembered.
func (r *decodingTimes) ahead(pts int64) (n int) {
	for _, before := range r.recent[:min(r.count, maxDepth)] {
		if before > pts {
			n++
		}
	}
	r.recent[r.count%maxDepth] = pts
	r.count++
	return n
}

func (r *decodingTimes) insert(pts int64) {
	i := len(r.pending)
	for i > 0 && r.pending[i-1] > pts {
		i--
	}
	r.pending = slices.Insert(r.pending, i, pts)
}

// observedDepth returns the largest number of units that come before one which is
// shown before them.
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
