package footage

import (
	"context"
	"sync"

	"github.com/gospool/spool/pipeline/media"
)

// claims holds the recordings that are being changed.
type claims struct {
	mu   sync.Mutex // guards held; never held while waiting
	held map[media.ID]chan struct{}
}

// try claims a recording. If another change holds the claim, it returns a channel that is
// closed when that claim is released.
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

// tryEach claims those of the given recordings that are not being changed.
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

// Alone calls change while no other change of the recording is under way, and returns its
// error. change may write the recording's file, its row or both. It must not call the Store
// for the same recording, which would wait for itself. After a BusyError change was not called.
func (s *Store) Alone(ctx context.Context, id media.ID, change func(context.Context) error) error {
	release, err := s.claim(ctx, id)
	if err != nil {
		return err
	}
	defer release()
	return change(ctx)
}

// AloneWith claims many recordings at once without waiting. It calls change once, with the
// recordings that no other change holds, and does not call it without any.
func (s *Store) AloneWith(ctx context.Context, ids []media.ID, change func(ctx context.Context, free []media.ID) error) error {
	free, release := s.changing.tryEach(ids)
	defer release()
	if len(free) == 0 {
		return ctx.Err()
	}
	return change(ctx, free)
}

// claim waits until no other change of a recording is under way. The caller must call release.
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
