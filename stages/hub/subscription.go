package hub

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
)

// Subscription is one reader of a stream: it gets the newest GOP and all that
// follows, until the publisher leaves.
type Subscription struct {
	stream   *stream
	pool     *media.Pool // of the marks between chunks
	maxBytes int
	ready    chan struct{} // holds a token when there is something to look at

	leaveBudget func()
	before      []media.Loss // of the stream, when the subscription began
	held        atomic.Int64 // bytes queued, for those who do not wait

	mu       sync.Mutex
	queue    []*media.Chunk
	bytes    int
	begun    bool // the publisher's tracks are known
	only     bool // no other publisher is awaited
	ended    media.Cause
	dropping *media.Gap // since the queue was full
	dropped  Dropped
	closed   bool
}

// Dropped counts what a full queue cost.
type Dropped struct{ Chunks, AccessUnits, Bytes uint64 }

func newSubscription(s *stream, pool *media.Pool, maxBytes int) *Subscription {
	return &Subscription{stream: s, pool: pool, maxBytes: maxBytes, before: s.drops.list(), ready: make(chan struct{}, 1)}
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
	sub.queue = append(sub.queue, sub.pool.NewMark(nil, 0, media.Mark{Kind: media.MarkEvent, Event: e}))
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

// Dropped is what was dropped from a full queue so far.
func (sub *Subscription) Dropped() Dropped {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	return sub.dropped
}

// Lost is how much of the stream was left out for one cause since the subscription
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
	for _, c := range sub.queue {
		c.Release()
	}
	sub.queue, sub.bytes = nil, 0
	sub.mu.Unlock()
	sub.leaveBudget()
	sub.stream.unsubscribe(sub)
}

func (sub *Subscription) next() (*media.Chunk, error) {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	if len(sub.queue) > 0 {
		c := sub.queue[0]
		sub.queue[0] = nil
		sub.queue = sub.queue[1:]
		sub.account(-c.Memory())
		return c, nil
	}
	if sub.closed {
		return nil, pipeline.End(endcause.Stop)
	}
	if sub.ended != "" && sub.dropping != nil { // nothing comes behind it that could carry it
		gap := *sub.dropping
		sub.dropping = nil
		return sub.pool.NewMark(nil, 0, media.Mark{Kind: media.MarkGap, Gap: gap}), nil
	}
	if sub.ended != "" {
		return nil, pipeline.End(string(sub.ended))
	}
	return nil, nil
}

// push owns a reference. A full queue drops from the next GOP on: what is queued
// can still be decoded whole.
func (sub *Subscription) push(c *media.Chunk) {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	if sub.closed || sub.ended != "" {
		c.Release()
		return
	}
	fits := sub.bytes+c.Memory() <= sub.maxBytes || len(sub.queue) == 0
	if !fits || sub.dropping != nil && !c.StartsGOP {
		sub.drop(c)
		return
	}
	if gap := sub.dropping; gap != nil {
		sub.dropping = nil
		sub.queue = append(sub.queue, sub.pool.NewMark(c.Set, c.Seq, media.Mark{Kind: media.MarkGap, Gap: *gap}))
	}
	sub.queue = append(sub.queue, c)
	sub.account(c.Memory())
	sub.wake()
}

func (sub *Subscription) drop(c *media.Chunk) {
	sub.missed(c.Dropped())
	sub.dropped.Chunks++
	sub.dropped.AccessUnits += uint64(c.AccessUnits())
	sub.dropped.Bytes += uint64(c.Bytes())
	c.Release()
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
