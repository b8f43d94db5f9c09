package metadata

import (
	"maps"
	"sync"

	"github.com/gospool/spool/pipeline/media"
)

// ownRun is what this process itself has said of recordings since it began.
type ownRun struct {
	mu      sync.Mutex // guards all below
	open    map[media.ID]bool
	ended   map[media.ID]bool // while it is remembered: those that were open since
	gone    map[media.ID]bool // while it is remembered: those whose row was taken away since
	keepers int
}

// remember has those that end from now on known as this run's, and those whose row is
// taken away as such, until the returned function is called: a row that is read meanwhile
// may not say so yet.
func (r *ownRun) remember() (done func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.keepers++; r.ended == nil {
		r.ended, r.gone = map[media.ID]bool{}, map[media.ID]bool{}
	}
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.keepers--; r.keepers == 0 {
			r.ended, r.gone = nil, nil
		}
	}
}

// began reports whether this process put a recording as one that grows, and has at most
// put its end since remember.
func (r *ownRun) began(id media.ID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.open[id] || r.ended[id]
}

// says notes that a recording grows, or does no more.
func (r *ownRun) says(id media.ID, grows bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case !grows:
		if r.ended != nil && r.open[id] {
			r.ended[id] = true
		}
		delete(r.open, id)
	case r.open == nil:
		r.open = map[media.ID]bool{id: true}
	default:
		r.open[id] = true
	}
}

// removes notes that the row of a recording is taken away.
func (r *ownRun) removes(id media.ID) {
	r.says(id, false)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gone != nil {
		r.gone[id] = true
	}
}

// removed reports whether the row of a recording was taken away since remember.
func (r *ownRun) removed(id media.ID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.gone[id]
}

// Begun reports whether this process put a recording as one that grows, and has neither
// put its end since nor taken its row away. One that an earlier run began and did not end is
// not.
func (c *Catalogue) Begun(id media.ID) bool {
	c.run.mu.Lock()
	defer c.run.mu.Unlock()
	return c.run.open[id]
}

// AllBegun returns the recordings of which Begun reports true at this moment. A row that was read after
// it and says that its recording grows may be older than the recording's end, and is one of
// these then.
func (c *Catalogue) AllBegun() map[media.ID]bool {
	c.run.mu.Lock()
	defer c.run.mu.Unlock()
	return maps.Clone(c.run.open)
}
