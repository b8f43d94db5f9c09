package metadata

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

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

// flock locks a file, which is made where it is missing and stays, together with others
// (LOCK_SH) or alone (LOCK_EX). It does not wait: filesystem.ErrLocked. Nothing takes
// its place on a file system without locks.
func flock(name string, how int) (unlock func() error, err error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(f.Fd()), how|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = filesystem.ErrLocked
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f.Close, nil
}

// awaitLock is lockFile that waits.
func awaitLock(ctx context.Context, name string) (unlock func() error, err error) {
	return await(ctx, func() (func() error, error) { return lockFile(name) })
}

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
