package hub

import (
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
)

// EndWithPublisher makes Take return the end of the present publisher even if its tracks never
// become known. If the stream has no publisher, that end follows the queued media at once.
func (sub *Subscription) EndWithPublisher() {
	sub.stream.mu.Lock()
	defer sub.stream.mu.Unlock()
	sub.mu.Lock()
	defer sub.mu.Unlock()
	switch {
	case sub.ended != "", sub.ends > 0: // the publisher has left already
	case sub.stream.pub == nil:
		sub.putEnd(endcause.SourceLost)
	default:
		sub.only = true
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

// Pending reports whether media is queued, or a publisher is present that may have sent media.
func (sub *Subscription) Pending() bool {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	return sub.ended == "" && sub.begun || sub.queue.Held() > 0
}

// end records that the publisher leaves, or that the hub closes, which ends the subscription. If
// the publisher's tracks never became known, Take returns its end only after EndWithPublisher;
// otherwise the subscription waits for the next publisher.
func (sub *Subscription) end(reason media.Cause) {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	switch {
	case sub.closed, sub.ended != "":
	case reason == endcause.Shutdown:
		sub.ended = reason
		sub.wake()
	case sub.begun || sub.only:
		sub.putEnd(reason)
	}
}

// putEnd queues the end of a publisher, behind the loss of its last media. It queues no second end
// if no media of the publisher is queued, so that the queue stays bounded however often publishers
// come and leave. The caller holds sub.mu.
func (sub *Subscription) putEnd(reason media.Cause) {
	sub.begun, sub.only = false, false
	if n := sub.queue.Len(); n > 0 && isEnd(sub.queue.At(n-1)) {
		return
	}
	if lost := sub.queue.Rest(); lost != nil {
		sub.queue.Put(lost)
	}
	sub.queue.Put(sub.pool.NewMark(nil, 0, media.Mark{Kind: media.MarkEnd, End: reason}))
	sub.ends++
	sub.wake()
}

// passEnd releases the mark of a publisher's end, and returns that end for Take. The caller holds
// sub.mu.
func (sub *Subscription) passEnd(mark *media.Chunk) error {
	reason := mark.Mark.End
	mark.Release()
	sub.ends--
	return pipeline.End(string(reason))
}

func isEnd(c *media.Chunk) bool { return c.Mark != nil && c.Mark.Kind == media.MarkEnd }
