package metadata

import (
	"maps"
	"sync"

	"github.com/gospool/spool/pipeline/media"
)

// begun records which recordings this process has put as growing since it began.
type begun struct {
	mu      sync.Mutex // guards the fields below
	open    map[media.ID]bool
	ended   map[media.ID]bool // since the first remember: recordings that were open and ended
	gone    map[media.ID]bool // since the first remember: recordings whose row was deleted
	keepers int
}

// remember keeps the recordings that end, and those whose row is deleted, from now until done is
// called: a row that a query returns in between may not show the change yet.
func (r *begun) remember() (done func()) {
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

// began reports whether this process put a recording as growing and has not put its end, or has
// put its end only since remember.
func (r *begun) began(id media.ID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.open[id] || r.ended[id]
}

// note records that a recording grows, or has ended.
func (r *begun) note(id media.ID, grows bool) {
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

// removes notes that the row of a recording is deleted.
func (r *begun) removes(id media.ID) {
	r.note(id, false)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gone != nil {
		r.gone[id] = true
	}
}

// removed reports whether the row of a recording was deleted since remember.
func (r *begun) removed(id media.ID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.gone[id]
}

// Begun reports whether this process put a recording as growing, and has neither put its end
// nor deleted its row. It returns false for a recording that an earlier process began and did not
// end.
func (c *Catalogue) Begun(id media.ID) bool {
	c.begun.mu.Lock()
	defer c.begun.mu.Unlock()
	return c.begun.open[id]
}

// AllBegun returns the recordings for which Begun is true now. A row read later with the state
// recording may be older than the recording's end; such a recording is among these.
func (c *Catalogue) AllBegun() map[media.ID]bool {
	c.begun.mu.Lock()
	defer c.begun.mu.Unlock()
	return maps.Clone(c.begun.open)
}
