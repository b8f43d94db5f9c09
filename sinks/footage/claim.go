package footage

import (
	"context"
	"sync"

	"github.com/gospool/spool/pipeline/media"
)

// claims holds the recordings that are being changed: the lock of Store.Alone and of the other
// changes of the Store.
type claims struct {
	mu   sync.Mutex                 // guards held; it is not locked while a change waits for a claim
	held map[media.ID]chan struct{} // one channel for each claimed recording; releasing the claim closes the channel
}

// try claims a recording for one change, without waiting: until release is called, no other change can
// claim the recording. On success other is nil, and the caller must call release. If another change
// holds the claim, release is nil, and other is closed when that change releases the claim.
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

// tryEach claims those of the given recordings that no other change holds, and returns them as
// free. The caller must call release, which releases all of these claims.
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

// Alone claims a recording, calls change, and releases the claim. It returns the error of change.
// change may write the recording's file, its row or both; it must not change the same recording
// through the Store, which would wait for the claim that Alone holds. If another change holds the
// claim for longer than Options.Patience, Alone returns a BusyError and does not call change.
func (s *Store) Alone(ctx context.Context, id media.ID, change func(context.Context) error) error {
	release, err := s.claim(ctx, id)
	if err != nil {
		return err
	}
	defer release()
	return change(ctx)
}

// AloneWith claims many recordings at once without waiting. It calls change once, with those of the
// recordings that no other change holds (free), releases their claims, and returns the error of
// change. If no recording is free, it does not call change and returns nil, or the error of ctx.
func (s *Store) AloneWith(ctx context.Context, ids []media.ID, change func(ctx context.Context, free []media.ID) error) error {
	free, release := s.changing.tryEach(ids)
	defer release()
	if len(free) == 0 {
		return ctx.Err()
	}
	return change(ctx, free)
}

// claim claims a recording, so that no other change of the Store runs for it. It waits until no other
// change holds the claim. On success the caller must call release. claim returns a BusyError after
// Options.Patience, and the cause of ctx when ctx ends.
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
