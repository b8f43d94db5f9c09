package database

import (
	"context"
	"errors"
	"time"

	"github.com/gospool/spool/pipeline/filesystem"
)

// lockRetry is how often a lock that another has is asked for again.
const lockRetry = 20 * time.Millisecond

// await tries until it gets a lock, or cannot have one.
func await(ctx context.Context, lock func() (unlock func() error, err error)) (unlock func() error, err error) {
	retry := time.NewTicker(lockRetry)
	defer retry.Stop()
	for {
		unlock, err := lock()
		if !errors.Is(err, filesystem.ErrLocked) {
			return unlock, err
		}
		select {
		case <-retry.C:
		case <-ctx.Done():
			return nil, errors.Join(err, context.Cause(ctx))
		}
	}
}
