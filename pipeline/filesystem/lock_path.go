package filesystem

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// LockPath locks the file name, as Lock does, until the caller calls unlock or the process ends. It creates a
// missing file, and unlock does not remove the file. It does not wait: it returns ErrLocked if the file is locked.
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

// root opens a directory. Below Top, it follows no link that leads out of Top.
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

// LockPathShared locks a file as LockPath does, but with a shared lock, which several processes may hold. On a
// file system without locks it returns an error, because a lock file cannot be shared.
func LockPathShared(own Own, name string) (unlock func() error, err error) {
	return flockPath(own, name, unix.LOCK_SH)
}

// LockPathAlone locks a file as LockPath does, for use with LockPathShared: it returns ErrLocked while another
// process has an exclusive or a shared lock. On a file system without locks it returns an error.
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
