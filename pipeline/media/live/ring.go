package live

import (
	"sync"
	"sync/atomic"

	"github.com/gospool/spool/pipeline/media"
)

// Ring holds the newest units of one stream. One goroutine at a time adds units: the methods Added, Chunk and End. All
// other methods are safe for concurrent use. The caller calls Close at the end.
type Ring struct {
	maxBytes int

	newest  atomic.Int64 // Unit.steadyNS of the newest unit
	last    *page        // newest page; used only by the goroutine that adds
	added   uint64       // number of added units; used only by that goroutine
	scratch [][]byte

	mu      sync.Mutex // guards the fields below
	readers map[*Reader]struct{}
	keepNS  map[*Keep]int64
	window  []held // chunks, the oldest first
	bytes   int    // memory of the chunks of the window but the newest
	gops    []start
	tail    place  // behind the newest unit
	tailAt  uint64 // Unit.at of the newest unit
	closed  bool
}

// held is a chunk of the window, with the ring's reference to it.
type held struct {
	chunk *media.Chunk
	first uint64 // Unit.at of its first unit
	bytes int    // memory of the chunk; 0 until a newer chunk follows
}

// start is the place of a unit with StartsGOP.
type start struct {
	at       uint64
	steadyNS int64
	place    place
}

// NewRing returns a ring without units, which holds at most maxBytes of chunks besides the newest.
func NewRing(maxBytes int) *Ring {
	first := &page{}
	return &Ring{maxBytes: maxBytes, readers: map[*Reader]struct{}{}, keepNS: map[*Keep]int64{}, last: first, tail: place{page: first}}
}

// Added adds the access unit i of a track of c, the builder's open chunk. It implements media.Observer.
func (r *Ring) Added(c *media.Chunk, track, i int, utc int64, lost bool) {
	u := r.fill(c, track, i)
	u.UTC, u.SteppedNS, u.Lost = utc, c.SteppedNS, lost
	from := c.Tracks[track].Payload.Len() - u.SizeBytes // the unit is the newest of its track
	r.publish(u, c, from)
}

// Chunk adds all units of a chunk, in the order of their decoding times. The caller keeps its reference.
func (r *Ring) Chunk(c *media.Chunk) {
	if c.Mark != nil {
		return
	}
	next, from := make([]int, len(c.Tracks)), make([]int, len(c.Tracks))
	for t := earliest(c, next); t >= 0; t = earliest(c, next) {
		i := next[t]
		u := r.fill(c, t, i)
		u.UTC, u.SteppedNS = utcOf(c, t, i), c.SteppedNS
		r.publish(u, c, from[t])
		next[t]++
		from[t] += u.SizeBytes
	}
}

// earliest returns the track whose unit next[track] is decoded first, or -1 behind the last units.
func earliest(c *media.Chunk, next []int) (track int) {
	track = -1
	var ns int64
	for t := range c.Tracks {
		col := &c.Tracks[t]
		if next[t] == col.Len() {
			continue
		}
		at := media.ToNanos(col.DTS[next[t]], c.Set.Tracks[t].Timescale)
		if track < 0 || at < ns {
			track, ns = t, at
		}
	}
	return track
}

// utcOf returns the wall clock of a unit by that of the chunk and the media times.
func utcOf(c *media.Chunk, track, i int) int64 {
	first := c.Set.Lead()
	for t := 0; c.Tracks[first].Len() == 0; t++ {
		first = t
	}
	col, lead := &c.Tracks[track], &c.Tracks[first]
	pts := media.ToNanos(col.DTS[i]+int64(col.OffsetTicks[i]), c.Set.Tracks[track].Timescale)
	return c.UTC + pts - media.ToNanos(lead.DTS[0]+int64(lead.OffsetTicks[0]), c.Set.Tracks[first].Timescale)
}

// fill writes what the columns say of a unit into the next free place of the newest page.
func (r *Ring) fill(c *media.Chunk, track, i int) *Unit {
	u, col := r.next(), &c.Tracks[track]
	sync := col.Flags[i]&media.FlagSync != 0
	*u = Unit{
		Set: c.Set, Track: track, DTS: col.DTS[i], PTS: col.DTS[i] + int64(col.OffsetTicks[i]), SizeBytes: int(col.SizeBytes[i]),
		Sync: sync, StartsGOP: sync && track == c.Set.Lead(), chunk: c, at: r.added + 1,
	}
	return u
}

// next returns the next free place of the list, in a new page if the newest is full.
func (r *Ring) next() *Unit {
	n := r.last.written.Load()
	if n == pageUnits {
		p := &page{}
		r.last.next.Store(p)
		r.last, n = p, 0
	}
	return &r.last.units[n]
}

// publish completes u, which fill returned, and makes it visible to the readers. The unit's bytes begin at from in the
// payload of its track.
func (r *Ring) publish(u *Unit, c *media.Chunk, from int) {
	r.scratch = c.Tracks[u.Track].Payload.Slices(r.scratch[:0], from, u.SizeBytes)
	r.last.split(u, r.scratch)
	clear(r.scratch)
	r.pass(u)
}

// End tells the readers that the publisher has left.
func (r *Ring) End(reason media.Cause) {
	u := r.next()
	*u = Unit{End: reason, at: r.added + 1}
	r.pass(u)
}

// pass moves the watermark past u, and wakes the readers.
func (r *Ring) pass(u *Unit) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	index := r.last.written.Load()
	if u.chunk != nil {
		r.hold(u)
		if u.StartsGOP {
			r.gops = append(r.gops, start{u.at, u.steadyNS(), place{r.last, index}})
		}
		r.newest.Store(u.steadyNS())
	}
	r.added++
	r.last.written.Store(index + 1)
	r.tail, r.tailAt = place{r.last, index + 1}, u.at
	for rd := range r.readers {
		rd.wake()
	}
}

// Close releases the chunks. Readers get ErrClosed behind it.
func (r *Ring) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	r.release(len(r.window))
	for rd := range r.readers {
		rd.wake()
	}
}
