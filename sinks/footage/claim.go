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

// tryEach claims those of some recordings that are not being changed.
func (c *claims) tryEach(ids []media.ID) (free []media.ID, release func()) {
	var releases []func()
	for _, id := range ids {
		if release, other := c.try(id); other == nil {
			free, releases = append(free, id), append(releases, release)
		}
	}
	return free, func() {
		for _, release := range releases {
			release()
		}
	}
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

// AloneWith is Alone for many recordings at once. It waits for none: change is called with
// those of which no other change is under way, each once, and not at all where there is none.
func (s *Store) AloneWith(ctx context.Context, ids []media.ID, change func(ctx context.Context, free []media.ID) error) error {
	free, release := s.changing.tryEach(ids)
	defer release()
	if len(free) == 0 {
		return ctx.Err()
	}
	return change(ctx, free)
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
