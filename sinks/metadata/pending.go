package metadata

import (
	"math"
	"slices"
	"sync"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata/journal"
	"github.com/gospool/spool/sinks/metadata/row"
)

// pending is what the journal holds and the database may not: the queue that is
// applied, and the newest state of each recording in it, for the answers.
//
// A recording whose file grows stays known after it was applied, so that it can
// be listed while the database is away.
type pending struct {
	mu    sync.Mutex // guards what follows
	queue []journal.Change
	bytes int64
	state map[string]entry
	aside map[string]bool // recordings of which a change was set aside: they stay known
	moved chan struct{}   // closed and replaced when the queue changes
}

// entry is the newest state of one recording.
type entry struct {
	row     *row.Row // nobody changes it
	deleted bool
	rev     int64 // of the last change in it
	applied bool
}

func newPending() *pending {
	return &pending{state: map[string]entry{}, aside: map[string]bool{}, moved: make(chan struct{})}
}

// add takes changes in order of revision.
func (p *pending) add(ops []journal.Change) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, o := range ops {
		p.queue = append(p.queue, o)
		p.bytes += o.Size
		if o.Kind == journal.Event { // says nothing about the recording itself
			continue
		}
		p.state[o.Row.ID] = p.state[o.Row.ID].with(o)
	}
	p.signal()
}

func (p *pending) signal() {
	close(p.moved)
	p.moved = make(chan struct{})
}

// with is the state after one more change.
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

// gone reports whether the recording holds no media any more.
func (e entry) gone() bool { return e.deleted || e.row.State == string(media.StateLost) }

// head is the oldest changes, at most n.
func (p *pending) head(n int) []journal.Change {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.queue[:min(n, len(p.queue)):min(n, len(p.queue))]
}

// settle forgets the n oldest changes: they are in the database, or aside.
func (p *pending) settle(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, o := range p.queue[:n] {
		p.bytes -= o.Size
		if o.Kind != journal.Event {
			p.applied(o.Row.ID, o.Revision)
		}
	}
	clear(p.queue[:n])
	p.queue = p.queue[n:]
	p.signal()
}

// applied notes that the database has all changes of a recording up to a revision.
// The caller holds p.mu.
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

// setAside keeps a recording known although its change leaves the queue.
func (p *pending) setAside(o journal.Change) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if o.Kind != journal.Event {
		p.aside[o.Row.ID] = true
	}
}

// restore makes the recordings known of which an earlier process set changes aside.
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

// release ends setAside: the database has what was aside. Changes that are still in
// the queue are settled as any other.
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

// dropReplayed forgets the changes up to a revision: an earlier process applied
// them. Only what was read from the journal at the start can be among them.
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

// appliedTo is the revision below which nothing waits; last where nothing does.
func (p *pending) appliedTo(last int64) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue) > 0 {
		return p.queue[0].Revision - 1
	}
	return last
}

// rename gives recordings another recorder's name; the caller has done so in the
// database.
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

// find is the newest state of a recording.
func (p *pending) find(id string) (entry, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e, ok := p.state[id]
	return e, ok
}

// snapshot copies the state of all that is pending.
func (p *pending) snapshot() map[string]entry {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make(map[string]entry, len(p.state))
	for id, e := range p.state {
		out[id] = e
	}
	return out
}

// events are the rows of what PutEvents stored, in order of revision.
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

// size is the number of changes that wait, and their bytes.
func (p *pending) size() (n int, bytes int64, oldest int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue) > 0 {
		oldest = p.queue[0].Revision
	}
	return len(p.queue), p.bytes, oldest
}

// nudge wakes who waits for a change.
func (p *pending) nudge() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.signal()
}

// change is closed at the next change of the queue.
func (p *pending) change() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.moved
}
