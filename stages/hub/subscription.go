package hub

import (
	"context"
	"sync"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
)

// Subscription reads a stream: it receives the newest GOP and all later chunks, of one publisher
// after another. The end of each publisher has a place in the queue, so the media of a publisher
// that comes and leaves while the reader is behind stays apart from that of the publisher before.
// It is safe for concurrent use.
type Subscription struct {
	stream *stream
	pool   *media.Pool   // source of the marks that Mark queues
	ready  chan struct{} // holds a token after a change of queue or ended

	leaveBudget func()

	mu      sync.Mutex // guards the fields below; queue.Held needs no lock
	queue   *media.GOPQueue
	ends    int           // queued ends of publishers
	begun   bool          // the tracks of the present publisher are known
	only    bool          // EndWithPublisher was called, and the publisher has not left yet
	ended   media.Cause   // reason of the subscription's end; empty before it
	before  []media.Loss  // losses of the stream when the subscription began, or at Resume
	dropped media.GOPLoss // losses of the queue at Resume
	closed  bool
}

func newSubscription(s *stream, pool *media.Pool, maxBytes int) *Subscription {
	return &Subscription{
		stream: s, pool: pool, before: s.drops.list(), ready: make(chan struct{}, 1),
		queue: media.NewGOPQueue(pool, media.GOPLimits{Policy: media.DropNewest, MaxBytes: maxBytes}),
	}
}

// Take waits for the next chunk and hands its reference to the caller. Behind the last chunk of a
// publisher that has left, Take returns a pipeline.EndError with the reason, once; the following
// calls return the chunks of the next publisher. If ctx ends first, it returns context.Cause(ctx).
func (sub *Subscription) Take(ctx context.Context) (*media.Chunk, error) {
	for {
		c, err := sub.next()
		if c != nil || err != nil {
			return c, err
		}
		select {
		case <-sub.ready:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// Mark queues an event mark behind the queued media. It returns false, and queues nothing, after
// the subscription has ended, and while the end of a publisher is queued.
func (sub *Subscription) Mark(e *media.Event) bool {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	if sub.closed || sub.ended != "" || sub.ends > 0 {
		return false
	}
	sub.queue.Put(sub.pool.NewMark(nil, 0, media.Mark{Kind: media.MarkEvent, Event: e}))
	sub.wake()
	return true
}

// Live reports whether the tracks of a publisher are known whose end Take has not returned yet.
func (sub *Subscription) Live() bool {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	return sub.begun || sub.ends > 0
}

// Dropped returns the media that the queue has dropped because it was full, or because the process
// held too much memory, since the subscription began or since Resume.
func (sub *Subscription) Dropped() media.GOPLoss {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	sum, before := sub.queue.Lost().Sum(), sub.dropped
	return media.GOPLoss{Chunks: sum.Chunks - before.Chunks, AccessUnits: sum.AccessUnits - before.AccessUnits, Bytes: sum.Bytes - before.Bytes}
}

// Held returns the bytes of the queued chunks. It implements media.Queue.
func (sub *Subscription) Held() int64 { return sub.queue.Held() }

// Shed drops the newest GOP of the queue, and returns false if there is none to drop. It implements
// media.Queue.
func (sub *Subscription) Shed() bool {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	return sub.queue.Shed()
}

// Lost returns how many packets or access units of the stream were lost for a cause since the
// subscription began or since Resume. It does not count the media that the queue dropped: see
// Dropped.
func (sub *Subscription) Lost(cause string) uint64 {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	n := sub.stream.drops.of(cause)
	for _, l := range sub.before {
		if l.Cause == cause {
			n -= l.Count
		}
	}
	return n
}

// Resume begins the counts of Dropped and Lost again, for the next run that reads the subscription.
func (sub *Subscription) Resume() {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	sub.before, sub.dropped = sub.stream.drops.list(), sub.queue.Lost().Sum()
}

// Close ends the subscription and releases its queued chunks. Later calls have no effect.
func (sub *Subscription) Close() {
	sub.mu.Lock()
	if sub.closed {
		sub.mu.Unlock()
		return
	}
	sub.closed = true
	sub.queue.Clear()
	sub.mu.Unlock()
	sub.leaveBudget()
	sub.stream.unsubscribe(sub)
}

func (sub *Subscription) next() (*media.Chunk, error) {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	if c := sub.queue.Next(); c != nil {
		if isEnd(c) {
			return nil, sub.passEnd(c)
		}
		return c, nil
	}
	if sub.closed {
		return nil, pipeline.End(endcause.Stop)
	}
	if sub.ended == "" {
		return nil, nil
	}
	if c := sub.queue.Rest(); c != nil {
		return c, nil
	}
	return nil, pipeline.End(string(sub.ended))
}

// push queues a chunk and takes over its reference. After the end of the subscription it releases
// the chunk and returns false.
func (sub *Subscription) push(c *media.Chunk) bool {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	if sub.closed || sub.ended != "" {
		c.Release()
		return false
	}
	sub.queue.Put(c)
	sub.wake()
	return true
}

func (sub *Subscription) attached() {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	sub.begun = true
}

func (sub *Subscription) wake() {
	select {
	case sub.ready <- struct{}{}:
	default:
	}
}
