package metadata

import (
	"sync"

	"github.com/gospool/spool/pipeline/media"
)

// pending is what the journal holds and the database may not: the queue that is
// applied, and the newest state of each recording in it, for the answers.
//
// A recording whose file grows stays known after it was applied, so that it can
// be listed while the database is away.
type pending struct {
	mu    sync.Mutex
	queue []op
	bytes int64
	state map[string]entry
	moved chan struct{} // closed and replaced when the queue changes
}

// entry is the newest state of one recording.
type entry struct {
	row     *row // nobody changes it
	deleted bool
	rev     int64 // of the last change in it
	applied bool
}

func newPending() *pending {
	return &pending{state: map[string]entry{}, moved: make(chan struct{})}
}

// add takes changes in order of revision.
func (p *pending) add(ops []op) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, o := range ops {
		p.queue = append(p.queue, o)
		p.bytes += o.size
		if o.kind == opEvent { // says nothing about the recording itself
			continue
		}
		p.state[o.row.ID] = p.state[o.row.ID].with(o)
	}
	p.signal()
}

func (p *pending) signal() {
	close(p.moved)
	p.moved = make(chan struct{})
}

// with is the state after one more change.
func (e entry) with(o op) entry {
	next := entry{row: o.row.keeping(e.row), rev: o.rev}
	switch {
	case e.row == nil:
	case o.kind == opPut && e.row.ProtectedRev > 0:
		r := *next.row
		r.Protected, r.ProtectedRev = e.row.Protected, e.row.ProtectedRev
		next.row = &r
	case o.kind == opProtect && e.row.Revision > o.row.Revision:
		r := *e.row
		r.Protected, r.ProtectedRev = o.row.Protected, o.rev
		next.row = &r
	}
	next.deleted = o.kind == opDelete || e.deleted
	return next
}

// gone reports whether the recording holds no media any more.
func (e entry) gone() bool { return e.deleted || e.row.State == string(media.StateLost) }

// head is the oldest changes, at most n.
func (p *pending) head(n int) []op {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.queue[:min(n, len(p.queue)):min(n, len(p.queue))]
}

// settle forgets the n oldest changes: they are in the database, or refused by it.
func (p *pending) settle(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, o := range p.queue[:n] {
		p.bytes -= o.size
		if o.kind == opEvent {
			continue
		}
		e, ok := p.state[o.row.ID]
		if !ok || e.rev > o.rev {
			continue
		}
		if e.row.State == string(media.StateRecording) && !e.deleted {
			e.applied = true
			p.state[o.row.ID] = e
		} else {
			delete(p.state, o.row.ID)
		}
	}
	clear(p.queue[:n])
	p.queue = p.queue[n:]
	p.signal()
}

// dropReplayed forgets the changes up to a revision: an earlier process applied
// them. Only what was read from the journal at the start can be among them.
func (p *pending) dropReplayed(upTo int64) {
	p.mu.Lock()
	n := 0
	for n < len(p.queue) && p.queue[n].rev <= upTo {
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
		return p.queue[0].rev - 1
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
func (p *pending) events() (rows []*row) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, o := range p.queue {
		if o.kind == opEvent {
			rows = append(rows, o.row)
		}
	}
	return rows
}

// size is the number of changes that wait, and their bytes.
func (p *pending) size() (n int, bytes int64, oldest int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue) > 0 {
		oldest = p.queue[0].rev
	}
	return len(p.queue), p.bytes, oldest
}

// change is closed at the next change of the queue.
func (p *pending) change() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.moved
}
