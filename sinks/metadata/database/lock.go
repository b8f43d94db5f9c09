package database

import (
	"context"
	"errors"
	"time"

	"github.com/gospool/spool/pipeline/filesystem"
)

// lockRetry is the interval at which await calls lock.
const lockRetry = 20 * time.Millisecond

// await calls lock until lock does not return filesystem.ErrLocked, and returns its results. When
// ctx ends first, it returns filesystem.ErrLocked joined with the cause of ctx.
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
