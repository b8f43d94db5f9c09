package hub

import (
	"context"
	"sync"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
)

// Subscription is one reader of a stream: it gets the newest GOP and all that
// follows, until the publisher leaves.
type Subscription struct {
	stream *stream
	pool   *media.Pool   // of the marks between chunks
	ready  chan struct{} // holds a token when there is something to look at

	leaveBudget func()
	before      []media.Loss // of the stream, when the subscription began

	mu     sync.Mutex // guards what follows; queue.Held needs it not
	queue  *media.GOPQueue
	begun  bool // the publisher's tracks are known
	only   bool // no other publisher is awaited
	ended  media.Cause
	closed bool
}

func newSubscription(s *stream, pool *media.Pool, maxBytes int) *Subscription {
	return &Subscription{
		stream: s, pool: pool, before: s.drops.list(), ready: make(chan struct{}, 1),
		queue: media.NewGOPQueue(pool, media.GOPLimits{Policy: media.DropNewest, MaxBytes: maxBytes}),
	}
}

// Take waits for the next chunk and hands over its reference. When the
// publisher has left and nothing is queued, the error is a pipeline.EndError
// with the reason.
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

// Finish asks for what the publisher has sent so far: the chunk that is being
// filled is closed where it stands and queued, so that a recording that is
// stopped now ends with the newest access unit. Take then gives what is queued,
// and an error at once when the queue is empty.
func (sub *Subscription) Finish() {
	sub.stream.flush()
	sub.mu.Lock()
	defer sub.mu.Unlock()
	if sub.ended == "" {
		sub.ended = endcause.Stop
		sub.wake()
	}
}

// Mark puts an event behind what is queued; false: nothing is taken any more.
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

// Live reports whether the stream has had a publisher since the subscription
// began.
func (sub *Subscription) Live() bool {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	return sub.begun
}

// Dropped returns what was dropped from a full queue so far.
func (sub *Subscription) Dropped() media.GOPLoss {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	return sub.queue.Lost().Sum()
}

// Held returns what is queued, in bytes. See media.Queue.
func (sub *Subscription) Held() int64 { return sub.queue.Held() }

// Shed drops the newest GOP of the queue. See media.Queue.
func (sub *Subscription) Shed() bool {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	return sub.queue.Shed()
}

// Lost returns how much of the stream was left out for one cause since the subscription
// began, before it came to the hub.
func (sub *Subscription) Lost(cause string) uint64 {
	n := sub.stream.drops.of(cause)
	for _, l := range sub.before {
		if l.Cause == cause {
			n -= l.Count
		}
	}
	return n
}

// Close ends the subscription and releases what it still holds.
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

// push owns a reference.
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

// EndWithPublisher awaits no other publisher than the one that the stream has: the
// subscription ends with it, at once where it has left already.
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

// end says that nothing more comes. A publisher that left before its tracks
// were known was none, where others are awaited.
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
