package filesystem

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// LockPath locks a file until unlock is called or the process ends. It creates the file if it is
// missing, and the file stays. It does not wait, and returns ErrLocked. See Lock.
func (c *Calls) LockPath(own Own, name string) (unlock func() error, err error) {
	f, err := own.Open(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	dir, err := own.root(filepath.Dir(name))
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	defer dir.Close()
	end, err := c.Lock(dir, filepath.Base(name), f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() error { end(); return f.Close() }, nil
}

// root opens a directory, following no link out of Top.
func (o Own) root(dir string) (*os.Root, error) {
	rel, below := o.under(dir)
	if !below {
		return os.OpenRoot(dir)
	}
	top, err := os.OpenRoot(o.Top)
	if err != nil {
		return nil, err
	}
	defer top.Close()
	return top.OpenRoot(rel)
}

// LockPathShared is LockPath with a shared lock. It has no fallback on a file system without locks,
// nor has LockPathAlone.
func LockPathShared(own Own, name string) (unlock func() error, err error) {
	return flockPath(own, name, unix.LOCK_SH)
}

// LockPathAlone takes an exclusive lock, and is refused while another process has a shared one.
func LockPathAlone(own Own, name string) (unlock func() error, err error) {
	return flockPath(own, name, unix.LOCK_EX)
}

func flockPath(own Own, name string, how int) (unlock func() error, err error) {
	f, err := own.Open(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = again(func() error { return unix.Flock(int(f.Fd()), how|unix.LOCK_NB) })
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = ErrLocked
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f.Close, nil
}
