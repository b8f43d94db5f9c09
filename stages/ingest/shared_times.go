package ingest

import (
	"time"

	"github.com/gospool/spool/pipeline/media"
)

// spread separates pictures that were sent with the same time: it places them evenly up to the next time. Some
// recorders stamp pictures in pairs. If no later time comes because the sender's clock stands still, spread places the
// pictures by their arrival.
//
// To know the next time, and all pictures with the same time if pictures are reordered, spread holds units until more
// than depth pictures with a later time have arrived. If no time was shared recently, it holds no unit, except at the
// beginning of a track that may reorder.
type spread struct {
	depth       int   // most pictures that precede one that is presented before them; negative: unknown
	secondTicks int64 // ticks a second
	held        []*Unit
	watch       int // number of further units to hold; 0: none

	pastTicks [maxDepth]int64 // sent times of the units that were released, a ring
	count     int             // number of units that were released
	ahead     int             // depth as observed
	maxTicks  int64           // highest sent time
	spanTicks int64           // newest distance from one sent time to the next; 0: unknown

	still       bool  // the sender's clock stands still
	stillTicks  int64 // sent time at which the sender's clock stands still
	stillMonoNS int64 // arrival of the first picture with the time stillTicks

	repaired func(pictures uint64)
}

const (
	watchShared    = 250  // number of units that are held after a shared time
	nearest        = 2000 // times less than 1/2000 s apart count as equal
	maxSpanSeconds = 2    // a distance to the next time above so many seconds is a pause, if it is the first one
	spanGrowth     = 4    // a distance above so many times the distance before is a pause

	// If no later time comes within one of these bounds, the sender's clock counts as standing still.
	maxSpread  = 64 // units
	maxStillNS = int64(2 * time.Second)
)

// reset forgets the earlier units, and begins again with a depth at the next unit (see spread). The caller flushes
// the held units first.
func (s *spread) reset(depth int, timescale uint32) {
	*s = spread{depth: depth, secondTicks: int64(timescale), held: s.held[:0], spanTicks: s.spanTicks, repaired: s.repaired}
	if depth != 0 {
		s.watch = guessWindow
	}
}

// breaks reports whether unit u does not continue the time line, because the sender's clock was set before it. That is
// so if its time is more than ten seconds away from the highest one, or if u is a sync sample with an earlier time.
func (s *spread) breaks(u *Unit) bool {
	if s.count == 0 && len(s.held) == 0 {
		return false
	}
	return u.PTS > s.maxTicks+10*s.secondTicks || u.PTS < s.maxTicks-10*s.secondTicks || u.sync && u.PTS < s.maxTicks
}

// push takes a unit, and calls out with each unit whose time is then known.
func (s *spread) push(u *Unit, out func(*Unit)) {
	u.sentPTSTicks = u.PTS
	seen := s.look(u)
	if s.count == 0 && len(s.held) == 0 {
		s.maxTicks = u.sentPTSTicks
	}
	s.maxTicks = max(s.maxTicks, u.sentPTSTicks)
	switch {
	case seen:
		s.watch = watchShared
	case s.watch > 0:
		s.watch--
	default:
		s.pass(u, out)
		return
	}
	s.held = append(s.held, u)
	late := len(s.held) >= maxSpread || u.MonoNS-s.held[0].MonoNS > maxStillNS
	switch s.still = (s.still && u.sentPTSTicks == s.stillTicks || late) && s.maxTicks == s.held[0].sentPTSTicks && s.oneTime(); {
	case s.still:
		s.byArrival(out)
		return
	case s.watch == 0, len(s.held) >= maxSpread, memoryOf(s.held) > maxTrackBytes:
		s.flush(out)
		return
	case late && !seen: // pictures are so rare that none shares a time
		s.watch = 0
		s.flush(out)
		return
	}
	if s.depth < 0 && s.count == 0 && len(s.held) < guessWindow {
		return
	}
	for len(s.held) > 0 && (s.held[0].placed || s.later(s.held[0].sentPTSTicks) > s.reach()) {
		s.first(out)
	}
}

// oneTime reports whether all held units were sent with the same time. Otherwise the sender's clock does not stand
// still.
func (s *spread) oneTime() bool {
	for _, u := range s.held {
		if u.sentPTSTicks != s.held[0].sentPTSTicks {
			return false
		}
	}
	return true
}

// byArrival sets the times of the held units by their arrival, because the sender's clock stands still, and calls out
// with each unit. All held units have the same sent time.
func (s *spread) byArrival(out func(*Unit)) {
	if first := s.held[0]; s.stillTicks != first.sentPTSTicks || s.stillMonoNS == 0 {
		s.stillTicks, s.stillMonoNS = first.sentPTSTicks, first.MonoNS
	}
	for _, u := range s.held {
		u.placed = true
		u.PTS = u.sentPTSTicks + media.FromNanos(u.MonoNS-s.stillMonoNS, uint32(s.secondTicks))
	}
	s.repaired(uint64(len(s.held)))
	s.flush(out)
}

// flush sets the times of the held units that have none yet, and calls out with each held unit.
func (s *spread) flush(out func(*Unit)) {
	for len(s.held) > 0 {
		s.first(out)
	}
}

// first calls out with the first held unit. If that has no time yet, first sets the times of all held units with the
// same sent time.
func (s *spread) first(out func(*Unit)) {
	u := s.held[0]
	if !u.placed {
		s.place(u.sentPTSTicks)
	}
	n := copy(s.held, s.held[1:])
	s.held[n] = nil
	s.held = s.held[:n]
	s.pass(u, out)
}

func (s *spread) pass(u *Unit, out func(*Unit)) {
	s.pastTicks[s.count%maxDepth] = u.sentPTSTicks
	s.count++
	out(u)
}

// look reports whether another recent unit was sent with the time of u. Times less than 1/2000 s apart count as equal,
// because ffmpeg gives the second picture of a pair one tick more: look then gives u the sent time of the other unit.
// It also learns how far pictures are reordered.
func (s *spread) look(u *Unit) (seen bool) {
	near := func(at int64) {
		if d := u.sentPTSTicks - at; d >= -s.secondTicks/nearest && d <= s.secondTicks/nearest {
			u.sentPTSTicks, seen = at, true
		}
	}
	for _, at := range s.recent() {
		near(at)
	}
	for _, o := range s.held {
		near(o.sentPTSTicks)
	}
	s.ahead = max(s.ahead, min(s.later(u.sentPTSTicks), maxDepth))
	return seen
}

// later returns the number of held and recently released units with a sent time after stamp.
func (s *spread) later(stamp int64) (n int) {
	for _, before := range s.recent() {
		if before > stamp {
			n++
		}
	}
	for _, u := range s.held {
		if u.sentPTSTicks > stamp {
			n++
		}
	}
	return n
}

func (s *spread) recent() []int64 { return s.pastTicks[:min(s.count, maxDepth)] }

func (s *spread) reach() int {
	if s.depth >= 0 {
		return s.depth
	}
	return s.ahead
}

// place spreads the held units with the sent time stamp evenly, in presentation order, from stamp up to the next
// sent time.
func (s *spread) place(stamp int64) {
	gone := 0 // number of units with that time that were released
	for _, before := range s.recent() {
		if before == stamp {
			gone++
		}
	}
	n := 0
	for _, u := range s.held {
		if u.sentPTSTicks == stamp {
			n++
		}
	}
	span := s.spanFrom(stamp, gone+n)
	for i, u := range s.held {
		if u.sentPTSTicks != stamp {
			continue
		}
		k := gone
		for j, o := range s.held {
			if o.sentPTSTicks == stamp && j != i && o.order.before(u.order, j < i) {
				k++
			}
		}
		u.placed, u.PTS = true, stamp+span*int64(k)/int64(gone+n)
	}
	if shared := gone + n - 1; n > 0 && shared > 0 {
		s.repaired(uint64(min(n, shared)))
	}
}

// spanFrom returns the ticks from the sent time stamp to the next higher sent time. If the next time is unknown or
// so far away that the sender paused, it returns the newest span before. If no span is known, it returns
// maxSpanSeconds after a pause, and 1/25 s for each picture if the next time is unknown. pictures is the number of
// pictures with the sent time stamp.
func (s *spread) spanFrom(stamp int64, pictures int) int64 {
	next, known := int64(0), false
	see := func(at int64) {
		if at > stamp && (!known || at < next) {
			next, known = at, true
		}
	}
	for _, before := range s.recent() {
		see(before)
	}
	for _, u := range s.held {
		see(u.sentPTSTicks)
	}
	limit := maxSpanSeconds * s.secondTicks
	if s.spanTicks > 0 {
		limit = spanGrowth * s.spanTicks
	}
	switch span := next - stamp; {
	case known && span <= limit:
		s.spanTicks = span
	case known && s.spanTicks == 0:
		return limit
	case s.spanTicks == 0:
		return s.secondTicks / 25 * int64(pictures)
	}
	return s.spanTicks
}
