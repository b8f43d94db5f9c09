package metadata

import (
	"maps"
	"sync"

	"github.com/gospool/spool/pipeline/media"
)

// begun records which recordings this process is writing: those that Put has stored with the state
// recording and not with another state since.
type begun struct {
	mu      sync.Mutex        // guards the fields below
	open    map[media.ID]bool // recordings that this process has put as growing and not ended
	ended   map[media.ID]bool // recordings that were removed from open since remember; nil: not recorded
	gone    map[media.ID]bool // recordings whose row was deleted since remember; nil: not recorded
	keepers int               // number of calls of remember whose done has not been called yet
}

// remember starts to record which recordings end and which rows are deleted, for the methods began and
// removed, until done is called. Reconcile needs this: a row that it has read may be older than the end
// or the deletion of the recording.
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

// began reports whether this process is writing a recording, or has ended it since remember was
// called.
func (r *begun) began(id media.ID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.open[id] || r.ended[id]
}

// note records that Put was called for a recording: with the state recording if grows is set, else with
// the state of a file that has ended.
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

// removes records that the row of a recording is deleted.
func (r *begun) removes(id media.ID) {
	r.note(id, false)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gone != nil {
		r.gone[id] = true
	}
}

// removed reports whether the row of a recording has been deleted since remember was called.
func (r *begun) removed(id media.ID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.gone[id]
}

// Begun reports whether this process is writing a recording: Put was called for it with the state
// recording. Since then Put was not called for it with another state, and its row was not deleted. Begun
// returns false for a recording that an earlier process left unfinished.
func (c *Catalogue) Begun(id media.ID) bool {
	c.begun.mu.Lock()
	defer c.begun.mu.Unlock()
	return c.begun.open[id]
}

// AllBegun returns the recordings for which Begun returns true now. A caller that calls it before it
// reads rows can recognise a row with the state recording that is older than the recording's end. The
// caller owns the map.
func (c *Catalogue) AllBegun() map[media.ID]bool {
	c.begun.mu.Lock()
	defer c.begun.mu.Unlock()
	return maps.Clone(c.begun.open)
}
