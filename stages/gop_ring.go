package stages

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/spec"
)

// GOPRingConfig bounds the one place of a pipeline where media may wait.
type GOPRingConfig struct {
	Before  spec.Duration `yaml:"before" doc:"what is kept for an event from before its trigger"`
	After   spec.Duration `yaml:"after" doc:"what an event records after its last trigger"`
	MaxSize spec.Size     `yaml:"max_bytes" doc:"most memory held; beyond it whole GOPs are dropped"`
	MaxTime spec.Duration `yaml:"max_backlog" doc:"longest time a slow disk may be behind; beyond it whole GOPs are dropped"`
}

// Validate refuses a ring that can hold nothing.
func (c GOPRingConfig) Validate() (err error) {
	if c.MaxSize < 1<<20 {
		err = errors.New("max_bytes: at least 1MiB is needed to hold one GOP")
	}
	if c.MaxTime < spec.Duration(time.Second) {
		err = errors.Join(err, errors.New("max_backlog: at least 1s is needed to hold one GOP"))
	}
	return err
}

func init() {
	pipeline.RegisterBuffer("gop_ring", GOPRingConfig{
		Before: spec.Duration(10 * time.Second), After: spec.Duration(10 * time.Second),
		MaxSize: 64 << 20, MaxTime: spec.Duration(time.Minute),
	}, "Absorbs what the disk cannot take at once, bounded in bytes and in time. When it is full it drops whole GOPs, oldest first, and marks the gap.",
		newGOPRing)
}

// gopRing is a queue of chunks.
//
// Invariant: what leaves it can be decoded. A GOP of which something was taken
// is never dropped from its front; when it must go its tail goes.
type gopRing struct {
	cfg   GOPRingConfig
	pool  *media.Pool
	clock pipeline.Clock
	ready chan struct{} // holds a token when there is something to look at

	budget *media.Budget // of the whole process; nil where there is none
	stream string
	once   sync.Once
	leave  func()       // the budget
	held   atomic.Int64 // bytes, for those who do not wait

	mu       sync.Mutex
	queue    []ringEntry
	chunks   int // of media in the queue
	bytes    int
	span     int64 // ns
	pending  *media.Gap
	tail     bool // the GOP that arrives lost its beginning or middle: drop up to the next one
	ended    bool
	dropped  pipeline.Drop
	lastUnit time.Time
	wall     wall
	first    int64 // ns, UTC of the first chunk that came, by the wall clock as it is now; 0 before that
	extra    int64 // ns that max_backlog does not count: what a trigger put here at once
}

type ringEntry struct {
	chunk *media.Chunk
	gap   *media.Gap // what was dropped before it
}

func newGOPRing(set pipeline.Settings, cfg GOPRingConfig) (pipeline.Buffer[*media.Chunk], error) {
	pool, err := pipeline.Use[*media.Pool](set)
	if err != nil {
		return nil, err
	}
	r := &gopRing{
		cfg: cfg, pool: pool, clock: set.Clock, ready: make(chan struct{}, 1),
		dropped: pipeline.Drop{Stage: set.Stage, Cause: string(media.GapOverload)},
	}
	r.budget, _ = pipeline.Use[*media.Budget](set) // a program need not have one
	r.stream = set.Stream
	if set.Mode == pipeline.Event {
		return newGOPGate(set, cfg, r), nil
	}
	return r, nil
}

// Put queues a chunk; it never blocks.
func (r *gopRing) Put(c *media.Chunk) {
	r.join()
	r.put(c)
	r.budget.Relieve()
}

// join lets the budget know of the ring. A ring that nothing came to is not there.
func (r *gopRing) join() {
	r.once.Do(func() { r.leave = r.budget.Join(r.stream, r) })
}

// Held is what is queued, in bytes. See media.Queue.
func (r *gopRing) Held() int64 { return r.held.Load() }

// Shed drops a whole GOP because the process has too much in memory.
func (r *gopRing) Shed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.chunks < 2 {
		return false
	}
	r.shed()
	return true
}

func (r *gopRing) put(c *media.Chunk) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.Mark != nil && c.Mark.Kind != media.MarkGap {
		r.putMark(c)
		return
	}
	if c.Mark == nil {
		r.lastUnit = time.Unix(0, c.UTC+c.Span())
		r.first += r.wall.step(c)
		if r.first == 0 {
			r.first = c.UTC
		}
	}
	if r.tail && !c.StartsGOP && c.Mark == nil {
		r.drop(c)
		return
	}
	e := ringEntry{chunk: c}
	if c.Mark == nil {
		e.gap, r.pending, r.tail = r.pending, nil, false
	}
	r.queue = append(r.queue, e)
	r.account(c, 1)
	for r.full() {
		r.shed()
	}
	r.wake()
}

// putMark queues a mark that is never dropped.
func (r *gopRing) putMark(c *media.Chunk) {
	if e := c.Mark.Event; e != nil && e.Ask {
		full := completed(*e, r.cfg)
		c.Release()
		c = r.pool.NewMark(nil, 0, media.Mark{Kind: media.MarkEvent, Event: &full})
	}
	r.queue = append(r.queue, ringEntry{chunk: c})
	r.wake()
}

// allow makes room in time for what comes at once.
func (r *gopRing) allow(ns int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.queue) == 0 {
		r.extra = 0
	}
	r.extra += ns
}

// memory is what is queued, in bytes.
func (r *gopRing) memory() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.bytes
}

// End lets Take give what is queued, and then io.EOF.
func (r *gopRing) End(string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	r.wake()
}

// Take waits for the oldest chunk. A gap comes before the chunk behind it, as a
// mark.
func (r *gopRing) Take(ctx context.Context) (*media.Chunk, error) {
	for {
		c, err := r.next()
		if c != nil || err != nil {
			return c, err
		}
		select {
		case <-r.ready:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// Close releases what an abort left.
func (r *gopRing) Close() error {
	r.join()
	r.leave()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.queue {
		e.chunk.Release()
	}
	r.queue, r.chunks, r.bytes, r.span = nil, 0, 0, 0
	return nil
}

// Report tells the fill and what was dropped.
func (r *gopRing) Report(out *pipeline.Report) {
	r.mu.Lock()
	defer r.mu.Unlock()
	out.RingBytes, out.RingMaxBytes = int64(r.bytes), int64(r.cfg.MaxSize)
	out.RingSpan, out.RingChunks = time.Duration(r.span), len(r.queue)
	out.LastAccessUnit = r.lastUnit
	if r.dropped.AccessUnits > 0 {
		out.Drops = append(out.Drops, r.dropped)
	}
}

func (r *gopRing) next() (*media.Chunk, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.queue) == 0 {
		if r.ended {
			return nil, io.EOF
		}
		return nil, nil
	}
	if e := &r.queue[0]; e.gap != nil {
		gap := *e.gap
		e.gap = nil
		return r.pool.NewMark(e.chunk.Set, e.chunk.Seq, media.Mark{Kind: media.MarkGap, Gap: gap}), nil
	}
	c := r.queue[0].chunk
	r.queue[0] = ringEntry{}
	r.queue = r.queue[1:]
	r.account(c, -1)
	return c, nil
}

// account follows what is queued: a chunk that comes (1) or goes (-1).
func (r *gopRing) account(c *media.Chunk, sign int) {
	if c.Mark != nil {
		return
	}
	r.chunks += sign
	r.bytes += sign * c.Memory()
	r.held.Store(int64(r.bytes))
	r.span += int64(sign) * c.Span()
}

// full tells whether a bound is passed. One chunk is always kept: a single one
// larger than the ring is written, not lost.
func (r *gopRing) full() bool {
	return r.chunks > 1 && (r.bytes > int(r.cfg.MaxSize) || r.span > int64(r.cfg.MaxTime)+r.extra)
}

// shed drops the oldest whole GOP of which nothing was taken. Where there is
// none, the tail of the GOP that is being taken goes.
func (r *gopRing) shed() {
	first := r.nextMedia(0)
	from := r.gopStart(0)
	if from < 0 { // all of it is one GOP, begun by a chunk that was taken
		from = r.nextMedia(first + 1)
	}
	to := r.gopStart(from + 1)
	if to < 0 {
		to = len(r.queue)
		r.tail = true
		if from == first { // one GOP and all of it here: keep what can be decoded of it
			from = r.lastMedia()
		}
	}
	gap := media.Gap{Cause: media.GapOverload}
	cut, kept := r.cut(from, to)
	from += kept
	for _, e := range cut {
		if e.gap != nil {
			gap = gap.Plus(*e.gap)
		}
		if m := e.chunk.Mark; m != nil {
			gap = gap.Plus(m.Gap)
		} else {
			gap = gap.Plus(media.Gap{Chunks: 1, Duration: e.chunk.Span()})
		}
		r.count(e.chunk)
		e.chunk.Release()
	}
	r.note(from, gap)
}

// note puts a gap before the entry at i, or before the one that comes next.
func (r *gopRing) note(i int, gap media.Gap) {
	at := &r.pending
	if i < len(r.queue) {
		at = &r.queue[i].gap
	}
	if *at != nil {
		gap = gap.Plus(**at)
	}
	*at = &gap
}

// nextMedia is the first chunk from an index on that is no mark; full has seen
// that there are two.
func (r *gopRing) nextMedia(from int) int {
	for r.queue[from].chunk.Mark != nil {
		from++
	}
	return from
}

func (r *gopRing) lastMedia() int {
	i := len(r.queue) - 1
	for r.queue[i].chunk.Mark != nil {
		i--
	}
	return i
}

func (r *gopRing) gopStart(from int) int {
	for i := from; i < len(r.queue); i++ {
		if r.queue[i].chunk.StartsGOP {
			return i
		}
	}
	return -1
}

// cut takes entries out of the queue, but for marks that say more than a gap: so
// many stay in their place.
func (r *gopRing) cut(from, to int) (out []ringEntry, kept int) {
	for _, e := range r.queue[from:to] {
		if m := e.chunk.Mark; m != nil && m.Kind != media.MarkGap {
			r.queue[from+kept] = e
			kept++
			continue
		}
		out = append(out, e)
		r.account(e.chunk, -1)
	}
	r.queue = append(r.queue[:from+kept], r.queue[to:]...)
	return out, kept
}

// drop counts and releases a chunk that is not queued.
func (r *gopRing) drop(c *media.Chunk) {
	r.note(len(r.queue), media.Gap{Cause: media.GapOverload, Chunks: 1, Duration: c.Span()})
	r.count(c)
	c.Release()
}

func (r *gopRing) count(c *media.Chunk) {
	r.dropped.AccessUnits += uint64(c.AccessUnits())
	r.dropped.Bytes += uint64(c.Bytes())
}

func (r *gopRing) wake() {
	select {
	case r.ready <- struct{}{}:
	default:
	}
}
