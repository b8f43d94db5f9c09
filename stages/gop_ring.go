package stages

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/media"
)

// GOPRingConfig holds the settings of gop_ring, the queue in which the media of a pipeline waits
// for a slow disk.
type GOPRingConfig struct {
	Before  config.Duration `yaml:"before" inherit:"mp4.before_duration" takes:"media" doc:"media that is held for an event from before its trigger"`
	After   config.Duration `yaml:"after" inherit:"mp4.after_duration" takes:"nothing" doc:"media that an event records after its last trigger"`
	MaxSize config.Size     `yaml:"max_bytes" takes:"memory" doc:"largest memory of the queue; beyond it whole GOPs are dropped"`
	MaxTime config.Duration `yaml:"max_backlog" takes:"media" doc:"longest time a slow disk may be behind; beyond it whole GOPs are dropped"`
}

// Validate refuses limits that cannot hold one GOP, and values of Before and After above maxEvent.
func (c GOPRingConfig) Validate() (err error) {
	if c.MaxSize < 1<<20 {
		err = errors.New("max_bytes: at least 1MiB is needed to hold one GOP")
	}
	if c.MaxTime < config.Duration(time.Second) {
		err = errors.Join(err, errors.New("max_backlog: at least 1s is needed to hold one GOP"))
	}
	if most := config.Duration(maxEvent); c.Before > most || c.After > most {
		err = errors.Join(err, fmt.Errorf("before, after: at most %s is possible", most))
	}
	return err
}

// maxEvent bounds Before and After, so that the sum of a time in ns and one of them does not
// overflow.
const maxEvent = 365 * 24 * time.Hour

var gopRingDefaults = GOPRingConfig{
	Before: config.Duration(10 * time.Second), After: config.Duration(10 * time.Second),
	MaxSize: 64 << 20, MaxTime: config.Duration(time.Minute),
}

func init() {
	pipeline.RegisterBuffer("gop_ring", gopRingDefaults,
		"Queues media while the disk is slow, bounded in bytes and in time. When it is full it drops whole GOPs, the oldest first, and marks the gap.",
		newGOPRing, pipeline.HoldsForEvents, pipeline.CompletesEvents)
}

// gopRing queues media for the later stages. Its media.GOPQueue drops the oldest GOPs when it is
// full.
//
// Invariant: the later stages can decode every chunk that they take. After part of a GOP was taken,
// only the end of that GOP can be dropped.
type gopRing struct {
	cfg   GOPRingConfig
	pool  *media.Pool
	clock pipeline.Clock
	ready chan struct{} // holds a token after a change of queue or ended

	budget *media.Budget // of the process; nil: no bound
	set    pipeline.Settings
	once   sync.Once
	leave  func() // leaves the budget

	mu       sync.Mutex // guards the fields below, except asks
	queue    *media.GOPQueue
	ended    bool
	lastUnit time.Time
	marks    eventMarks
	asks     bool // a later stage sets the interval of an event
}

func newGOPRing(set pipeline.Settings, cfg GOPRingConfig) (pipeline.Buffer[*media.Chunk], error) {
	r, err := newRing(set, cfg)
	if err != nil {
		return nil, err
	}
	if set.Mode == pipeline.ModeEvent {
		return newGOPGate(set, cfg, r), nil
	}
	r.marks.resume(&set)
	return r, nil
}

// newRing returns a queue that passes all media on, also in mode event.
func newRing(set pipeline.Settings, cfg GOPRingConfig) (*gopRing, error) {
	pool, err := pipeline.Use[*media.Pool](set)
	if err != nil {
		return nil, err
	}
	return &gopRing{
		cfg: cfg, pool: pool, clock: set.Clock, ready: make(chan struct{}, 1),
		budget: pipeline.Optional[*media.Budget](set, nil), set: set,
		queue: media.NewGOPQueue(pool, media.GOPLimits{Policy: media.DropOldest, MaxBytes: cfg.MaxSize.Int(), MaxSpan: time.Duration(cfg.MaxTime)}),
	}, nil
}

// Put queues a chunk or a mark and takes over its reference. It does not wait for the later stages.
func (r *gopRing) Put(c *media.Chunk) {
	r.join()
	r.put(c)
	r.budget.Relieve()
}

// join adds the ring to the memory budget that all queues of the process share (r.budget). Only the
// first call does that. Put calls join, and so does Close, for a ring that got no chunk.
func (r *gopRing) join() {
	r.once.Do(func() { r.leave = r.budget.Join(r.set.Stream, r) })
}

// Held returns the bytes of the queued chunks. It implements media.Queue.
func (r *gopRing) Held() int64 { return r.queue.Held() }

// Shed drops a GOP, or the rest of one, because the process holds too much memory. It returns false
// if it can drop none. It implements media.Queue.
func (r *gopRing) Shed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.queue.Shed()
}

func (r *gopRing) put(c *media.Chunk) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.Mark != nil && c.Mark.Kind != media.MarkGap {
		r.putMark(c)
		return
	}
	if c.Mark == nil {
		for _, e := range r.marks.follow(c, r.clock) {
			r.putMark(r.pool.NewMark(nil, 0, media.Mark{Kind: media.MarkEvent, Event: &e.Event}))
		}
		r.lastUnit = time.Unix(0, r.marks.wall.begin(c)+c.LastedNS())
	}
	r.queue.Put(c)
	r.wake()
}

// putMark queues a mark, which the queue never drops. A raised mark (media.MarkRaised) reports a
// detection: putMark replaces it by an event mark, whose interval follows from the settings before
// and after. It does not replace it if a later stage sets the interval (r.asks).
func (r *gopRing) putMark(c *media.Chunk) {
	if c.Mark.Kind == media.MarkRaised && !r.asks {
		full := r.cfg.lasting(c.Mark.Raised)
		r.marks.step(r.clock)
		if _, begun := r.marks.keys.first(); begun {
			full.ActualUTC = r.marks.keys.before(full.StartUTC)
		}
		c.Release()
		c = r.pool.NewMark(nil, 0, media.Mark{Kind: media.MarkEvent, Event: &full})
	}
	r.queue.Put(c)
	r.wake()
}

// allow raises the limit max_backlog of the queue by ns for the held media that the caller is about
// to queue all at once.
func (r *gopRing) allow(ns int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queue.AllowSpan(ns)
}

// End makes Take return io.EOF after the queued chunks.
func (r *gopRing) End(string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	r.wake()
}

// Take waits for the oldest chunk and passes its reference to the caller. Where media was dropped,
// it returns a gap mark before the chunk that follows the gap. After End it returns the queued
// chunks and then io.EOF. If ctx ends first, it returns context.Cause(ctx).
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

// Close removes the ring from the memory budget, and releases the chunks that are still queued
// after an abort. It leaves the events that wait for the first picture to the next run.
func (r *gopRing) Close() error {
	r.join()
	r.leave()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queue.Clear()
	r.marks.leave(&r.set)
	return nil
}

// Report adds the fill of the queue and the media that it dropped.
func (r *gopRing) Report(out *pipeline.Report) {
	r.mu.Lock()
	defer r.mu.Unlock()
	out.RingBytes, out.RingMaxBytes = r.queue.Held(), int64(r.cfg.MaxSize)
	out.RingSpan, out.RingChunks = r.queue.Span(), r.queue.Len()
	out.LastAccessUnit = r.lastUnit
	r.marks.await.report(out, r.clock)
	if lost := r.queue.Lost().Sum(); lost.AccessUnits > 0 {
		out.Drops = append(out.Drops, pipeline.Drop{Stage: r.set.Stage, Cause: string(media.GapOverload), AccessUnits: lost.AccessUnits, Bytes: lost.Bytes})
	}
}

func (r *gopRing) next() (*media.Chunk, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.queue.Next(); c != nil || !r.ended {
		return c, nil
	}
	if c := r.queue.Rest(); c != nil {
		return c, nil
	}
	return nil, io.EOF
}

func (r *gopRing) wake() {
	select {
	case r.ready <- struct{}{}:
	default:
	}
}
