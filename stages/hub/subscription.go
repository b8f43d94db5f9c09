package hub

import (
	"context"
	"sync"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
)

// Subscription is a reader of a stream: it receives the newest GOP and everything after it, until
// the publisher leaves.
type Subscription struct {
	stream *stream
	pool   *media.Pool   // for the marks between chunks
	ready  chan struct{} // holds a token when the queue or ended has changed

	leaveBudget func()
	before      []media.Loss // losses of the stream before the subscription

	mu     sync.Mutex // guards the fields below; queue.Held needs no lock
	queue  *media.GOPQueue
	begun  bool // the publisher's tracks are known
	only   bool // the subscription waits for no further publisher
	ended  media.Cause
	closed bool
}

func newSubscription(s *stream, pool *media.Pool, maxBytes int) *Subscription {
	return &Subscription{
		stream: s, pool: pool, before: s.drops.list(), ready: make(chan struct{}, 1),
		queue: media.NewGOPQueue(pool, media.GOPLimits{Policy: media.DropNewest, MaxBytes: maxBytes}),
	}
}

// Take waits for the next chunk and passes its reference to the caller. When the publisher has left
// and the queue is empty, the error is a pipeline.EndError with the reason.
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

// Finish queues everything that the publisher has sent so far, including the unfinished chunk, so
// that a recording that stops now ends with the newest access unit. Take then returns the queued
// chunks, and an error once the queue is empty.
func (sub *Subscription) Finish() {
	sub.stream.flush()
	sub.mu.Lock()
	defer sub.mu.Unlock()
	if sub.ended == "" {
		sub.ended = endcause.Stop
		sub.wake()
	}
}

// Mark queues an event. It returns false when the subscription has ended.
func (sub *Subscription) Mark(e *media.Event) bool {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	if sub.closed || sub.ended != "" {
		return false
	}
	sub.queue.Put(sub.pool.NewMark(nil, 0, media.Mark{Kind: media.MarkEvent, Event: e}))
	sub.wake()
	return true
}

// Live reports whether the stream has had a publisher since the subscription began.
func (sub *Subscription) Live() bool {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	return sub.begun
}

// Dropped returns the media that the full queue has dropped.
func (sub *Subscription) Dropped() media.GOPLoss {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	return sub.queue.Lost().Sum()
}

// Held returns the queued bytes. See media.Queue.
func (sub *Subscription) Held() int64 { return sub.queue.Held() }

// Shed drops the newest GOP of the queue. See media.Queue.
func (sub *Subscription) Shed() bool {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	return sub.queue.Shed()
}

// Lost returns the losses of one cause before the hub, since the subscription began.
func (sub *Subscription) Lost(cause string) uint64 {
	n := sub.stream.drops.of(cause)
	for _, l := range sub.before {
		if l.Cause == cause {
			n -= l.Count
		}
	}
	return n
}

// Close ends the subscription and releases its queued chunks.
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

// push takes over a reference.
func (sub *Subscription) push(c *media.Chunk) {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	if sub.closed || sub.ended != "" {
		c.Release()
		return
	}
	sub.queue.Put(c)
	sub.wake()
}

func (sub *Subscription) attached() {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	sub.begun = true
}

// EndWithPublisher ends the subscription with the present publisher, at once if that has left,
// instead of waiting for the next one.
func (sub *Subscription) EndWithPublisher() {
	sub.stream.mu.Lock()
	defer sub.stream.mu.Unlock()
	sub.mu.Lock()
	sub.only = true
	sub.mu.Unlock()
	if sub.stream.pub == nil {
		sub.end(endcause.SourceLost)
	}
}

// end ends the subscription. It ignores a publisher that left before its tracks were known, unless
// the subscription waits for no further one.
func (sub *Subscription) end(reason media.Cause) {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	if sub.ended == "" && (sub.begun || sub.only || reason == endcause.Shutdown) {
		sub.ended = reason
		sub.wake()
	}
}

func (sub *Subscription) wake() {
	select {
	case sub.ready <- struct{}{}:
	default:
	}
}
