package hub

import (
	"context"
	"sync"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
)

// Subscription reads a stream: it receives the newest GOP and all later chunks, until the publisher
// leaves. It is safe for concurrent use.
type Subscription struct {
	stream *stream
	pool   *media.Pool   // source of the marks that Mark queues
	ready  chan struct{} // holds a token after a change of queue or ended

	leaveBudget func()
	before      []media.Loss // the stream's losses when the subscription began

	mu     sync.Mutex // guards the fields below; queue.Held needs no lock
	queue  *media.GOPQueue
	begun  bool        // a publisher's tracks have been known during the subscription
	only   bool        // EndWithPublisher was called
	ended  media.Cause // reason of the end; empty before it
	closed bool
}

func newSubscription(s *stream, pool *media.Pool, maxBytes int) *Subscription {
	return &Subscription{
		stream: s, pool: pool, before: s.drops.list(), ready: make(chan struct{}, 1),
		queue: media.NewGOPQueue(pool, media.GOPLimits{Policy: media.DropNewest, MaxBytes: maxBytes}),
	}
}

// Take waits for the next chunk and hands its reference to the caller. After the publisher has
// left, Take returns the queued chunks and then a pipeline.EndError with the reason. If ctx ends
// first, it returns context.Cause(ctx).
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

// Finish ends the subscription after the newest access unit: it queues the publisher's unfinished
// chunk and accepts no later media. Take then returns the queued chunks, and after them a
// pipeline.EndError with the reason stop.
func (sub *Subscription) Finish() {
	sub.stream.flush()
	sub.mu.Lock()
	defer sub.mu.Unlock()
	if sub.ended == "" {
		sub.ended = endcause.Stop
		sub.wake()
	}
}

// Mark queues an event mark behind the queued media. It returns false, and queues nothing, after
// the subscription has ended.
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

// Live reports whether the stream has had a publisher with known tracks during the subscription.
func (sub *Subscription) Live() bool {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	return sub.begun
}

// Dropped returns the media that the queue has dropped because it was full, or because the process
// held too much memory.
func (sub *Subscription) Dropped() media.GOPLoss {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	return sub.queue.Lost().Sum()
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
// subscription began. It does not count the media that the queue dropped: see Dropped.
func (sub *Subscription) Lost(cause string) uint64 {
	n := sub.stream.drops.of(cause)
	for _, l := range sub.before {
		if l.Cause == cause {
			n -= l.Count
		}
	}
	return n
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

// EndWithPublisher makes the subscription end when the present publisher leaves, even if its tracks
// never become known. If the stream has no publisher, the subscription ends at once.
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

// end ends the subscription for a reason: its publisher leaves, or the hub closes. If the
// publisher's tracks never became known, its departure ends the subscription only after
// EndWithPublisher; otherwise the subscription waits for the next publisher.
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
