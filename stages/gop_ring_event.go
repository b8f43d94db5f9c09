package stages

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
)

// gopGate is gop_ring in a pipeline of mode event: what comes is held back until
// a trigger asks for it, and let go once no trigger can.
//
//	         trigger
//	            v
//	Put -> [ held ] -> gate -> [ queue ] -> Take
//	          |
//	          v  older than before, back to a key frame
//	        released
//
// What is held reaches back to the key frame at or before the window's begin, so
// that the pre-roll is never shorter than asked for, however long the GOPs are.
// A recording that has had its time stays open until its next chunk is let go:
// up to then a trigger may touch it, and goes on where it was.
//
// max_bytes bounds what is held, in this order: the oldest GOPs go, which makes
// the pre-roll shorter; a GOP that alone is too large goes whole, and nothing is
// held up to the next key frame. Report warns of both. What was let through is
// bounded as in any other gop_ring.
//
// Invariants: a chunk is let through at most once, so that no media is in two
// recordings of a pipeline. What is held begins with a GOP, unless a recording
// is open: then it is what follows on that.
type gopGate struct {
	cfg   GOPRingConfig
	set   pipeline.Settings
	queue *gopRing

	mu    sync.Mutex      // guards what follows
	held  *media.GOPQueue // unbounded: trim forgets what is too much
	wall  wall
	end   int64 // ns, UTC as it is now: of the newest chunk; 0 before the first
	rec   *eventRecording
	lost  *eventRecording // of the run before, until its first chunk comes
	await awaiting
	short bool // the pre-roll is shorter than asked for, because of max_bytes
	ended bool
}

// eventRecording is the file that is open, or that a run has left to the next.
type eventRecording struct {
	began  int64 // ns, UTC of its first chunk
	file   int64 // ns, UTC of the open file's first chunk
	until  int64 // ns, UTC
	max    int64 // ns, longest file; 0 is no limit
	events []media.Event
}

// gateLeft is what a run leaves to the next one: a recording whose time is not
// over, and events of which no picture has come yet.
type gateLeft struct {
	rec   *eventRecording
	await []awaited
	wall  wall // that their times are told by
}

// Close lets it be left in a Handover.
func (gateLeft) Close() {}

func newGOPGate(set pipeline.Settings, cfg GOPRingConfig, queue *gopRing) *gopGate {
	g := &gopGate{cfg: cfg, set: set, queue: queue, held: media.NewGOPQueue(queue.pool, media.GOPLimits{})}
	if left, ok := set.Handover.Take(set.Stage).(gateLeft); ok {
		g.lost, g.await.list, g.wall = left.rec, left.await, left.wall
	}
	return g
}

// Put holds a chunk back, or lets it through while a recording wants it.
func (g *gopGate) Put(c *media.Chunk) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c.Mark != nil {
		g.putMark(c)
		return
	}
	g.follow()
	utc, begins := g.beginUTC(c), c.StartsGOP
	g.end = g.endUTC(c)
	g.resume(c)
	switch {
	case g.rec != nil && g.held.Len() == 0 && utc < g.rec.until:
		wanted, rest := split(c, g.gopUntil(c, g.rec.until))
		g.pass(wanted)
		if rest != nil {
			g.held.Put(rest)
		}
	case g.rec == nil && g.held.Len() == 0 && !c.StartsGOP:
		c.Release() // of no use without its key frame
	default:
		g.held.Put(c)
	}
	if begins {
		g.recordAwaited(utc)
	}
	g.trim()
}

// putMark obeys an event that a stage before has seen. Other marks keep their
// place.
func (g *gopGate) putMark(c *media.Chunk) {
	switch {
	case c.Mark.Kind == media.MarkEvent:
		g.putEvent(*c.Mark.Event)
		c.Release()
	case c.Mark.Kind == media.MarkRaised:
		g.putEvent(g.cfg.lasting(c.Mark.Raised))
		c.Release()
	case g.held.Len() > 0:
		g.held.Put(c)
	case g.rec != nil:
		g.queue.Put(c)
	default:
		c.Release() // nothing before it that it could be a gap to
	}
}

func (g *gopGate) putEvent(e media.Event) {
	g.follow()
	if _, err := g.record(e, 0); err != nil {
		g.set.Log.Warn("an event is not recorded", "event", e.ID, "error", err)
	}
}

// follow moves the times that are known along when the wall clock was set. Those of
// what is held are told anew: see beginUTC.
func (g *gopGate) follow() {
	step := g.wall.step(g.set.Clock)
	if step == 0 {
		return
	}
	for _, r := range []*eventRecording{g.rec, g.lost} {
		if r != nil {
			r.began, r.file, r.until = r.began+step, r.file+step, r.until+step
		}
	}
	if g.end != 0 {
		g.end += step
	}
	g.await.step(step)
}

// resume goes on with a recording whose publisher was lost before its time was
// over.
func (g *gopGate) resume(c *media.Chunk) {
	lost := g.lost
	if lost == nil || !c.StartsGOP {
		return
	}
	g.lost = nil
	if utc := g.beginUTC(c); utc < lost.until {
		lost.began, lost.file = utc, utc
		g.rec = lost
		g.mark(lost.events...)
	}
}

// recordAwaited begins with the first key frame what waited for it.
func (g *gopGate) recordAwaited(utc int64) {
	if len(g.await.list) == 0 {
		return
	}
	for _, w := range g.await.begin(utc, g.set.Clock) {
		if _, err := g.record(w.Event, w.longest); err != nil {
			g.set.Log.Warn("an event is not recorded", "event", w.ID, "error", err)
		}
	}
}

// pass lets a chunk through, to the next file where this one is long enough.
func (g *gopGate) pass(c *media.Chunk) {
	r, utc := g.rec, g.beginUTC(c)
	if r.max > 0 && c.StartsGOP && utc-r.file >= r.max {
		g.cut(endcause.MaxDuration)
		r.file = utc
	}
	if r.max > 0 {
		first, rest := split(c, g.gopUntil(c, r.file+r.max))
		if rest != nil {
			g.queue.Put(first)
			g.pass(rest)
			return
		}
	}
	if g.endUTC(c) >= r.until { // the file may stay open, and what is in it is to be durable
		c = c.Last()
	}
	g.queue.Put(c)
}

// flush lets through what is held and wanted.
func (g *gopGate) flush() {
	n, span := 0, int64(0)
	for ; n < g.held.Len(); n++ {
		c := g.held.At(n)
		if c.Mark == nil && g.beginUTC(c) >= g.rec.until {
			break
		}
		g.held.Split(n, g.gopUntil(c, g.rec.until))
		span += g.held.At(n).Span()
	}
	g.queue.allow(span)
	for range n {
		g.pass(g.held.Next())
	}
}

// trim lets go of what no trigger can ask for any more, and of what is too much.
func (g *gopGate) trim() {
	if g.held.Len() == 0 {
		return
	}
	if k := g.keyFrame(g.end - int64(g.cfg.Before)); k >= 0 {
		g.short = false
		if k > 0 {
			g.drop(k)
		}
	}
	for g.held.Len() > 0 && g.held.Held()+g.queue.Held() > int64(g.cfg.MaxSize) {
		g.shed()
	}
}

// drop lets go of the n oldest. The open recording has no next chunk then: it
// ends.
func (g *gopGate) drop(n int) {
	if g.rec != nil {
		g.finish()
	}
	g.held.Forget(n)
}

// shed drops the oldest GOP, and where there is but one, all of it.
func (g *gopGate) shed() {
	next := g.held.NextGOP(1)
	if next < 0 {
		next = g.held.Len()
	}
	g.drop(next)
	if !g.short {
		g.set.Log.Warn("an event would have less from before its trigger than is asked for: raise max_bytes of gop_ring",
			"before", time.Duration(g.cfg.Before), "held", g.span(), "max_bytes", int64(g.cfg.MaxSize))
	}
	g.short = true
}

// finish ends the open recording.
func (g *gopGate) finish() {
	g.cut(endcause.Event)
	g.rec = nil
}

func (g *gopGate) cut(why media.Cause) {
	g.queue.Put(g.queue.pool.NewMark(nil, 0, media.Mark{Kind: media.MarkEnd, End: why}))
}

// End lets Take give what was let through. What is only held was not asked for.
func (g *gopGate) End(reason string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ended = true
	g.held.Clear()
	g.queue.End(reason)
}

// Take waits for the next chunk that was let through.
func (g *gopGate) Take(ctx context.Context) (*media.Chunk, error) { return g.queue.Take(ctx) }

// Close releases what is left. A recording whose time is not over is left to the
// next run.
func (g *gopGate) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ended = true
	g.held.Clear()
	if g.rec == nil {
		g.rec = g.lost
	}
	left := gateLeft{await: g.await.list, wall: g.wall}
	if r := g.rec; r != nil && r.until > g.end {
		left.rec = r
	}
	if left.rec != nil || len(left.await) > 0 {
		g.set.Handover.Leave(g.set.Stage, left)
	}
	g.rec, g.lost, g.await.list = nil, nil, nil
	return g.queue.Close()
}

// Report tells the fill, what was dropped, and whether the pre-roll is as long
// as was asked for.
func (g *gopGate) Report(out *pipeline.Report) {
	g.queue.Report(out)
	g.mu.Lock()
	defer g.mu.Unlock()
	out.RingBytes += g.held.Held()
	out.RingChunks += g.held.Len()
	out.RingSpan += g.span()
	if g.end != 0 {
		out.LastAccessUnit = time.Unix(0, g.end)
	}
	if g.rec == nil && out.Waiting == "" {
		out.Waiting = "trigger"
	}
	g.await.report(out, g.set.Clock)
	if g.short {
		out.Warnings = append(out.Warnings, fmt.Sprintf("an event would have only %v from before its trigger, not %v: raise max_bytes of gop_ring, now %d",
			g.span().Round(time.Millisecond), time.Duration(g.cfg.Before), int64(g.cfg.MaxSize)))
	}
}
