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

// Alone calls a function that changes a recording's file, its row or both, while no other
// change of the recording is under way, and returns its error. It must not call the
// Store for the same recording, which would wait for itself. BusyError: it was not called.
func (s *Store) Alone(ctx context.Context, id media.ID, change func(context.Context) error) error {
	release, err := s.claim(ctx, id)
	if err != nil {
		return err
	}
	defer release()
	return change(ctx)
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
