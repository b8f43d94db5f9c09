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

// gopGate is gop_ring in a pipeline of mode event. It holds chunks back until a trigger needs them,
// and releases them when no trigger can need them any more.
//
//	         trigger
//	            v
//	Put -> [ held ] -> gate -> [ queue ] -> Take
//	          |
//	          v  older than before, back to a key frame
//	        released
//
// The held media begins with the last chunk that begins with a key frame and is older than the
// setting before. So the pre-roll is never shorter than configured, however long the GOPs are. A
// recording stays open after its end until the gate releases or drops the chunk that would be next
// in it: until then a trigger may extend the recording without a gap.
//
// max_bytes bounds the held media. The gate first drops the oldest GOPs, which shortens the
// pre-roll. If a single GOP is too large, the gate drops all of it, and holds nothing up to the
// next key frame. Report warns in both cases. The queue after the gate has the same limits as in
// any other gop_ring.
//
// Invariants: the gate lets a chunk through at most once, so that no media is in two recordings of
// a pipeline. The held media begins with a GOP, except while a recording is open: then it follows
// the recorded media.
type gopGate struct {
	cfg   GOPRingConfig
	set   pipeline.Settings
	queue *gopRing

	mu        sync.Mutex      // guards the fields below
	held      *media.GOPQueue // has no bound of its own: trim drops the excess
	wall      wallClock
	newestUTC int64 // ns of UTC, end of the newest chunk; 0 before the first
	rec       *eventRecording
	lost      *eventRecording // recording that the previous run left, until the first GOP of this run
	await     awaiting
	short     bool // max_bytes made the held media shorter than Before
	ended     bool
}

// eventRecording is a recording in progress: one file or several, from the first event's begin to
// the last event's end.
type eventRecording struct {
	beganUTC  int64 // ns of UTC, begin of the recording's first chunk
	fileUTC   int64 // ns of UTC, begin of the open file's first chunk
	untilUTC  int64 // ns of UTC, end of the last event
	longestNS int64 // longest duration of a file; 0: no limit
	events    []media.Event
}

// gateLeft is the state that a run hands over to the next run: a recording whose end has not come,
// and the events that wait for a key frame.
type gateLeft struct {
	rec *eventRecording
	awaitedLeft
}

func newGOPGate(set pipeline.Settings, cfg GOPRingConfig, queue *gopRing) *gopGate {
	g := &gopGate{cfg: cfg, set: set, queue: queue, held: media.NewGOPQueue(queue.pool, media.GOPLimits{})}
	if left, ok := set.Handover.Take(set.Stage).(gateLeft); ok {
		g.lost, g.await.list, g.wall = left.rec, left.list, left.wall
	}
	return g
}

// Put takes over a chunk or a mark. It queues a chunk that continues the recording in progress; if
// the recording ends within the chunk, Put splits the chunk at the first GOP at or after the end,
// and holds the rest back. It holds any other chunk back, but releases one that cannot be decoded
// because its key frame is not held.
func (g *gopGate) Put(c *media.Chunk) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c.Mark != nil {
		g.putMark(c)
		return
	}
	g.follow()
	utc, begins := g.beginUTC(c), c.StartsGOP
	g.newestUTC = g.endUTC(c)
	g.resume(c)
	switch {
	case g.rec != nil && g.held.Len() == 0 && utc < g.rec.untilUTC:
		wanted, rest := split(c, g.gopUntil(c, g.rec.untilUTC))
		g.pass(wanted)
		if rest != nil {
			g.held.Put(rest)
		}
	case g.rec == nil && g.held.Len() == 0 && !c.StartsGOP:
		c.Release() // cannot be decoded without its key frame
	default:
		g.held.Put(c)
	}
	if begins {
		g.recordAwaited(utc)
	}
	g.trim()
}

// putMark records the event of an event mark, or the event that it makes of a raised mark
// (media.MarkRaised). Any other mark keeps its place between the chunks; if no chunk is held and no
// recording is in progress, putMark releases it.
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
		c.Release() // no media precedes it
	}
}

func (g *gopGate) putEvent(e media.Event) {
	g.follow()
	if _, err := g.record(e, 0); err != nil {
		g.set.Log.Warn("an event is not recorded", "event", e.ID, "error", err)
	}
}

// follow shifts the times that the gate keeps by the time by which the wall clock was set. The
// times of held chunks are converted when they are read: see beginUTC.
func (g *gopGate) follow() {
	step := g.wall.step(g.set.Clock)
	if step == 0 {
		return
	}
	for _, r := range []*eventRecording{g.rec, g.lost} {
		if r != nil {
			r.beganUTC, r.fileUTC, r.untilUTC = r.beganUTC+step, r.fileUTC+step, r.untilUTC+step
		}
	}
	if g.newestUTC != 0 {
		g.newestUTC += step
	}
	g.await.step(step)
}

// resume continues the recording that the previous run left unfinished. It does so at the first
// chunk of this run that begins with a key frame, if the recording's end has not passed by then.
// Later calls do nothing.
func (g *gopGate) resume(c *media.Chunk) {
	lost := g.lost
	if lost == nil || !c.StartsGOP {
		return
	}
	g.lost = nil
	if utc := g.beginUTC(c); utc < lost.untilUTC {
		lost.beganUTC, lost.fileUTC = utc, utc
		g.rec = lost
		g.mark(lost.events...)
	}
}

// recordAwaited records the events that waited for the first key frame, which came at utc.
func (g *gopGate) recordAwaited(utc int64) {
	if len(g.await.list) == 0 {
		return
	}
	for _, w := range g.await.begin(utc, g.set.Clock) {
		if _, err := g.record(w.Event, w.longestNS); err != nil {
			g.set.Log.Warn("an event is not recorded", "event", w.ID, "error", err)
		}
	}
}

// pass queues a chunk of the recording. Before a GOP at which the open file has its longest
// duration, it queues a mark that ends the file.
func (g *gopGate) pass(c *media.Chunk) {
	r, utc := g.rec, g.beginUTC(c)
	if r.longestNS > 0 && c.StartsGOP && utc-r.fileUTC >= r.longestNS {
		g.cut(endcause.MaxDuration)
		r.fileUTC = utc
	}
	if r.longestNS > 0 {
		first, rest := split(c, g.gopUntil(c, r.fileUTC+r.longestNS))
		if rest != nil {
			g.queue.Put(first)
			g.pass(rest)
			return
		}
	}
	if g.endUTC(c) >= r.untilUTC { // the file may stay open for a while: Last makes the muxer write the media durably
		c = c.Last()
	}
	g.queue.Put(c)
}

// flush queues the held chunks that begin before the recording's end, and the marks between them.
// It splits such a chunk at the first GOP at or after the end, and the rest of the chunk stays
// held.
func (g *gopGate) flush() {
	n, span := 0, int64(0)
	for ; n < g.held.Len(); n++ {
		c := g.held.At(n)
		if c.Mark == nil && g.beginUTC(c) >= g.rec.untilUTC {
			break
		}
		g.held.Split(n, g.gopUntil(c, g.rec.untilUTC))
		span += g.held.At(n).SpanNS()
	}
	g.queue.allow(span)
	for range n {
		g.pass(g.held.Next())
	}
}

// trim releases the held chunks that are too old for any trigger, and the oldest GOPs beyond
// max_bytes.
func (g *gopGate) trim() {
	if g.held.Len() == 0 {
		return
	}
	if k := g.keyFrame(g.newestUTC - int64(g.cfg.Before)); k >= 0 {
		g.short = false
		if k > 0 {
			g.drop(k)
		}
	}
	for g.held.Len() > 0 && g.held.Held()+g.queue.Held() > int64(g.cfg.MaxSize) {
		g.shed()
	}
}

// drop releases the n oldest held chunks. It ends the recording in progress, because these chunks
// would have been next in it.
func (g *gopGate) drop(n int) {
	if g.rec != nil {
		g.finish()
	}
	g.held.Forget(n)
}

// shed releases the oldest held GOP, or all held chunks if they are one GOP.
func (g *gopGate) shed() {
	next := g.held.NextGOP(1)
	if next < 0 {
		next = g.held.Len()
	}
	g.drop(next)
	if !g.short {
		g.set.Log.Warn("the pre-roll of an event would be shorter than before: raise max_bytes of gop_ring",
			"before", time.Duration(g.cfg.Before), "held", g.span(), "max_bytes", int64(g.cfg.MaxSize))
	}
	g.short = true
}

// finish ends the recording in progress.
func (g *gopGate) finish() {
	g.cut(endcause.Event)
	g.rec = nil
}

func (g *gopGate) cut(why media.Cause) {
	g.queue.Put(g.queue.pool.NewMark(nil, 0, media.Mark{Kind: media.MarkEnd, End: why}))
}

// End makes Take return io.EOF after the queued chunks, and releases the held chunks, which no
// trigger needed.
func (g *gopGate) End(reason string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ended = true
	g.held.Clear()
	g.queue.End(reason)
}

// Take waits for the next queued chunk and passes its reference to the caller: see gopRing.Take.
func (g *gopGate) Take(ctx context.Context) (*media.Chunk, error) { return g.queue.Take(ctx) }

// Close releases the chunks that are still held or queued. It leaves a recording in progress whose
// end has not come, and the events that wait for a key frame, to the next run.
func (g *gopGate) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ended = true
	g.held.Clear()
	if g.rec == nil {
		g.rec = g.lost
	}
	left := gateLeft{awaitedLeft: awaitedLeft{g.await.list, g.wall, g.set.Log}}
	if r := g.rec; r != nil && r.untilUTC > g.newestUTC {
		left.rec = r
	}
	if left.rec != nil || len(left.list) > 0 {
		g.set.Handover.Leave(g.set.Stage, left)
	}
	g.rec, g.lost, g.await.list = nil, nil, nil
	return g.queue.Close()
}

// Report adds the fill of the queue and of the held media, and the media that the queue dropped. It
// adds a warning while max_bytes makes the pre-roll shorter than the duration that the setting
// "before" demands.
func (g *gopGate) Report(out *pipeline.Report) {
	g.queue.Report(out)
	g.mu.Lock()
	defer g.mu.Unlock()
	out.RingBytes += g.held.Held()
	out.RingChunks += g.held.Len()
	out.RingSpan += g.span()
	if g.newestUTC != 0 {
		out.LastAccessUnit = time.Unix(0, g.newestUTC)
	}
	if g.rec == nil && out.Waiting == "" {
		out.Waiting = "trigger"
	}
	g.await.report(out, g.set.Clock)
	if g.short {
		out.Warnings = append(out.Warnings, fmt.Sprintf("the pre-roll of an event would be only %v, not %v: raise max_bytes of gop_ring, now %d",
			g.span().Round(time.Millisecond), time.Duration(g.cfg.Before), int64(g.cfg.MaxSize)))
	}
}
