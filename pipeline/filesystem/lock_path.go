package filesystem

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
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
	return flockPath(own, name, shared)
}

// LockPathAlone locks a file as LockPath does, for use with LockPathShared: it returns ErrLocked while another
// process has an exclusive or a shared lock. On a file system without locks it returns an error.
func LockPathAlone(own Own, name string) (unlock func() error, err error) {
	return flockPath(own, name, exclusive)
}

func flockPath(own Own, name string, mode lockMode) (unlock func() error, err error) {
	f, err := own.Open(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = lockFD(int(f.Fd()), mode, false)
	if Is(err, syscall.EWOULDBLOCK) {
		err = ErrLocked
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f.Close, nil
}

// WaitLock waits until no other process has a lock on an open file, and locks it exclusively until it is closed. It
// returns errors.ErrUnsupported on a file system without locks.
func WaitLock(f *os.File) error { return unsupported(lock, lockFD(int(f.Fd()), exclusive, true)) }
