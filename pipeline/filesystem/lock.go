package filesystem

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strconv"
	"syscall"
	"time"
)

// ErrLocked is the error of the Lock functions if another process, or other code of this process, holds the lock.
var ErrLocked = errors.New("locked")

// ErrPerhapsLocked is the error if a lock file exists and this host cannot tell whether the process that made
// it still runs.
var ErrPerhapsLocked = errors.New("perhaps locked")

// Lock locks f, an open file in dir with the given name, until the caller calls unlock or the file is closed,
// which the end of the process does. It does not wait: it returns ErrLocked if the file is locked.
//
// On a file system without locks, Lock creates a lock file beside the file instead: see lockFile.
func (c *Calls) Lock(dir *os.Root, name string, f *os.File) (unlock func(), err error) {
	err = c.flock(int(f.Fd()))
	switch {
	case err == nil:
		return func() {}, nil
	case Is(err, syscall.EWOULDBLOCK):
		return nil, ErrLocked
	case refused(lock, err):
		return lockFile(dir, name)
	}
	return nil, err
}

const lockSuffix = ".lock"

// lockFile creates the lock file .NAME.lock beside a file; unlock removes it. The lock file contains the identity
// of this process, see Process. If a lock file exists, lockFile removes it if the process that made it has ended.
// It returns ErrLocked if that process runs, and ErrPerhapsLocked if this process cannot tell, as on another host.
func lockFile(dir *os.Root, name string) (unlock func(), err error) {
	file := path.Join(path.Dir(name), "."+path.Base(name)+lockSuffix)
	me := ThisProcess()
	for range 3 { // another process may create or remove the file between two steps
		if err = makeLock(dir, file, me); err == nil {
			held, err := dir.OpenRoot(path.Dir(file)) // the caller may close dir before it calls unlock
			if err != nil {
				return nil, errors.Join(err, dir.Remove(file))
			}
			return func() { _ = held.Remove(path.Base(file)); _ = held.Close() }, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		if err = dropLock(dir, file, me); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%s: %w", file, ErrLocked)
}

func makeLock(dir *os.Root, file string, me Process) error {
	f, err := dir.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(me.String())
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, dir.Remove(file))
	}
	return nil
}

// dropLock removes a lock file whose process has ended. It returns an error if the process runs, or may run.
func dropLock(dir *os.Root, file string, me Process) error {
	text, err := readLock(dir, file)
	if err != nil {
		return err
	}
	made := parseProcess(text)
	what := made.state(me)
	if made == (Process{}) && olderThan(dir, file, time.Minute) { // the process was killed before it wrote the file
		what = ended
	}
	switch what {
	case running:
		return fmt.Errorf("%s: %w", file, ErrLocked)
	case unknown:
		return fmt.Errorf("%s: %w: it was made by %s: delete it if that spool has ended", file, ErrPerhapsLocked, made)
	}
	// Of several processes, only one can rename the lock file. This process then checks that the file which it
	// renamed is the one which it has read.
	mine := file + "." + strconv.Itoa(me.PID)
	if err := dir.Rename(file, mine); err != nil {
		return err
	}
	if now, err := readLock(dir, mine); err == nil && now != text {
		return errors.Join(fmt.Errorf("%s: %w", file, ErrLocked), dir.Rename(mine, file))
	}
	return dir.Remove(mine)
}

func olderThan(dir *os.Root, file string, age time.Duration) bool {
	info, err := dir.Lstat(file)
	return err == nil && time.Since(info.ModTime()).Abs() > age
}

func readLock(dir *os.Root, file string) (string, error) {
	f, err := dir.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 4096))
	return string(text), err
}
