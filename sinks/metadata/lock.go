package metadata

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/gospool/spool/pipeline/filesystem"
)

// lockFile locks a file, which is made where it is missing and stays, until unlock is
// called or the process ends. It does not wait: filesystem.ErrLocked.
func lockFile(name string) (unlock func() error, err error) {
	dir, err := os.OpenRoot(filepath.Dir(name))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	f, err := dir.OpenFile(filepath.Base(name), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	end, err := system.Lock(dir, filepath.Base(name), f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() error { end(); return f.Close() }, nil
}

// awaitLock is lockFile that waits.
func awaitLock(ctx context.Context, name string) (unlock func() error, err error) {
	retry := time.NewTicker(lockRetry)
	defer retry.Stop()
	for {
		unlock, err := lockFile(name)
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
