package footage

import (
	"context"
	"sync"

	"github.com/gospool/spool/pipeline/media"
)

// claims are the recordings that are being changed.
type claims struct {
	mu   sync.Mutex // guards held; nothing is waited for under it
	held map[media.ID]chan struct{}
}

// try claims a recording unless it is being changed: then it gives a channel that is
// closed when that is over.
func (c *claims) try(id media.ID) (release func(), other <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if other, taken := c.held[id]; taken {
		return nil, other
	}
	done := make(chan struct{})
	c.held[id] = done
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.held, id)
		close(done)
	}, nil
}

// claim waits until no other change of a recording is under way. The caller releases it.
func (s *Store) claim(ctx context.Context, id media.ID) (release func(), err error) {
	patience, stop := s.Clock.After(s.Patience)
	defer stop()
	for {
		release, other := s.changing.try(id)
		if other == nil {
			return release, nil
		}
		select {
		case <-other:
		case <-patience:
			return nil, &BusyError{ID: id}
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}
