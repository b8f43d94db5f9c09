package filesystem

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// LockPath locks a file, which is made where it is missing and stays, until unlock is
// called or the process ends. It does not wait: ErrLocked. See Lock.
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

// root opens a directory, which leads out of Top over no link.
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

// LockPathShared is LockPath together with others that share the file. Nothing takes
// its place on a file system without locks, nor that of LockPathAlone.
func LockPathShared(own Own, name string) (unlock func() error, err error) {
	return flockPath(own, name, unix.LOCK_SH)
}

// LockPathAlone keeps those out that share the file, and is refused while one does.
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
