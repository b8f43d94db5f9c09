package metadata

import (
	"math"
	"slices"
	"sync"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata/journal"
	"github.com/gospool/spool/sinks/metadata/row"
)

// pending holds the changes that the database may lack: a queue for apply, and the state of the
// recordings that these changes concern, for queries.
//
// The state of a growing recording stays after its change was applied, so that queries list the
// recording while the database does not answer.
type pending struct {
	mu    sync.Mutex       // guards the fields below
	queue []journal.Change // in order of revision
	bytes int64            // size of the changes in queue
	state map[string]entry // by ID of the recording
	aside map[string]bool  // recordings with a change that is set aside: their state stays in the map state
	moved chan struct{}    // closed and replaced at each change of queue
}

// entry is the state of one recording after its newest change.
type entry struct {
	row     *row.Row // read-only
	deleted bool     // one of the changes is a deletion
	rev     int64    // revision of the newest change
	applied bool     // the database has the newest change
}

func newPending() *pending {
	return &pending{state: map[string]entry{}, aside: map[string]bool{}, moved: make(chan struct{})}
}

// add appends changes to the queue, in order of revision.
func (p *pending) add(ops []journal.Change) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, o := range ops {
		p.queue = append(p.queue, o)
		p.bytes += o.SizeBytes
		if o.Kind == journal.Event { // it does not change the recording
			continue
		}
		p.state[o.Row.ID] = p.state[o.Row.ID].with(o)
	}
	p.signal()
}

// signal wakes the callers that wait for the channel of pending.change. The caller has locked p.mu.
func (p *pending) signal() {
	close(p.moved)
	p.moved = make(chan struct{})
}

// with returns the state of the recording after the change o. A Put does not change the protection
// that a Protect has set.
func (e entry) with(o journal.Change) entry {
	next := entry{row: o.Row.Keeping(e.row), rev: o.Revision}
	switch {
	case e.row == nil:
	case o.Kind == journal.Put && e.row.ProtectedRev > 0:
		r := *next.row
		r.Protected, r.ProtectedRev = e.row.Protected, e.row.ProtectedRev
		next.row = &r
	case o.Kind == journal.Protect && e.row.Revision > o.Row.Revision:
		r := *e.row
		r.Protected, r.ProtectedRev = o.Row.Protected, o.Revision
		next.row = &r
	}
	next.deleted = o.Kind == journal.Delete || e.deleted
	return next
}

// gone reports whether the recording's row is deleted or has the state lost.
func (e entry) gone() bool { return e.deleted || e.row.State == string(media.StateLost) }

// head returns the oldest n changes, or all if the queue has fewer. They stay in the queue, and the
// caller must not change them.
func (p *pending) head(n int) []journal.Change {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.queue[:min(n, len(p.queue)):min(n, len(p.queue))]
}

// settle removes the n oldest changes from the queue, after the database has committed them or they
// were set aside.
func (p *pending) settle(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, o := range p.queue[:n] {
		p.bytes -= o.SizeBytes
		if o.Kind != journal.Event {
			p.applied(o.Row.ID, o.Revision)
		}
	}
	clear(p.queue[:n])
	p.queue = p.queue[n:]
	p.signal()
}

// applied records that the database has all changes of a recording up to the revision rev. If the
// recording has no newer change and none that is set aside, applied removes its entry from p.state. A
// growing recording keeps its entry, which then has applied set. The caller has locked p.mu.
func (p *pending) applied(id string, rev int64) {
	e, ok := p.state[id]
	if !ok || e.rev > rev || p.aside[id] {
		return
	}
	if e.row.State == string(media.StateRecording) && !e.deleted {
		e.applied = true
		p.state[id] = e
	} else {
		delete(p.state, id)
	}
}

// setAside makes p keep the state of a recording when its change o, which the database has refused,
// leaves the queue. It does nothing for a change of kind Event, which has no state.
func (p *pending) setAside(o journal.Change) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if o.Kind != journal.Event {
		p.aside[o.Row.ID] = true
	}
}

// restore adds the states of recordings whose changes an earlier process set aside.
func (p *pending) restore(ops []journal.Change) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, o := range ops {
		if o.Kind == journal.Event {
			continue
		}
		p.aside[o.Row.ID] = true
		p.state[o.Row.ID] = entry{}.with(o)
	}
}

// release reverses setAside, after the database has committed the change o. It removes the state of
// the recording, unless the queue has another change of the same recording, or the recording grows.
func (p *pending) release(o journal.Change) {
	if o.Kind == journal.Event {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	id := o.Row.ID
	delete(p.aside, id)
	if !slices.ContainsFunc(p.queue, func(o journal.Change) bool { return o.Kind != journal.Event && o.Row.ID == id }) {
		p.applied(id, math.MaxInt64)
	}
}

// dropReplayed removes the changes up to the revision upTo from the queue: they were read from the
// journal at the start, and an earlier process has applied them.
func (p *pending) dropReplayed(upTo int64) {
	p.mu.Lock()
	n := 0
	for n < len(p.queue) && p.queue[n].Revision <= upTo {
		n++
	}
	p.mu.Unlock()
	if n > 0 {
		p.settle(n)
	}
}

// appliedTo returns the revision up to which no change is in the queue. If the queue is empty, it
// returns last.
func (p *pending) appliedTo(last int64) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue) > 0 {
		return p.queue[0].Revision - 1
	}
	return last
}

// rename sets the node in the states of recordings. The caller has set it in the database.
func (p *pending) rename(ids []string, node string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, id := range ids {
		if e, ok := p.state[id]; ok {
			r := *e.row
			r.Node, e.row = node, &r
			p.state[id] = e
		}
	}
}

// find returns the state of a recording. It returns false if p holds none: the recording has no pending
// change, none that is set aside, and does not grow.
func (p *pending) find(id string) (entry, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e, ok := p.state[id]
	return e, ok
}

// snapshot returns a copy of the states that p holds, by ID of the recording: of recordings with a
// pending change, with a change that is set aside, or whose file grows.
func (p *pending) snapshot() map[string]entry {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make(map[string]entry, len(p.state))
	for id, e := range p.state {
		out[id] = e
	}
	return out
}

// events returns the rows of the Event changes in the queue, in order of revision.
func (p *pending) events() (rows []*row.Row) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, o := range p.queue {
		if o.Kind == journal.Event {
			rows = append(rows, o.Row)
		}
	}
	return rows
}

// size returns the number of changes in the queue, their size in bytes, and the revision of the oldest,
// or 0 if the queue is empty.
func (p *pending) size() (n int, bytes int64, oldest int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue) > 0 {
		oldest = p.queue[0].Revision
	}
	return len(p.queue), p.bytes, oldest
}

// nudge wakes the callers that wait for the channel of pending.change, although the queue has not
// changed: Flush then returns the new *ClaimedError.
func (p *pending) nudge() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.signal()
}

// change returns a channel that is closed at the next change of the queue.
func (p *pending) change() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.moved
}
