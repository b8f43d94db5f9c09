package filesystem

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// ErrLocked means that another process, or another part of this process, holds the lock.
var ErrLocked = errors.New("locked")

// ErrPerhapsLocked means that a lock file exists, and this host cannot determine whether the
// process that made it still runs.
var ErrPerhapsLocked = errors.New("perhaps locked")

// Lock locks an open file of a directory until unlock is called or the file is closed: the end of
// the process unlocks it. It does not wait, and returns ErrLocked.
//
// On a file system without locks, a lock file beside the file takes their place: see lockFile.
func (c *Calls) Lock(dir *os.Root, name string, f *os.File) (unlock func(), err error) {
	err = c.flock(int(f.Fd()))
	switch {
	case err == nil:
		return func() {}, nil
	case errors.Is(err, unix.EWOULDBLOCK):
		return nil, ErrLocked
	case refused(lock, err):
		return lockFile(dir, name)
	}
	return nil, err
}

const lockSuffix = ".lock"

// lockFile makes .NAME.lock beside a file, with the identity of this process: host, boot, process
// and its start. Another process may remove it after this process has ended, which can be
// determined on the same host only: elsewhere the error is ErrPerhapsLocked.
func lockFile(dir *os.Root, name string) (unlock func(), err error) {
	file := path.Join(path.Dir(name), "."+path.Base(name)+lockSuffix)
	me := ThisProcess()
	for range 3 { // another process may be faster
		if err = makeLock(dir, file, me); err == nil {
			held, err := dir.OpenRoot(path.Dir(file)) // the caller may close dir before the file
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

// dropLock removes a lock file whose process has ended.
func dropLock(dir *os.Root, file string, me Process) error {
	text, err := readLock(dir, file)
	if err != nil {
		return err
	}
	made := parseProcess(text)
	what := made.state(me)
	if made == (Process{}) && olderThan(dir, file, time.Minute) { // its process was killed before it wrote
		what = ended
	}
	switch what {
	case running:
		return fmt.Errorf("%s: %w", file, ErrLocked)
	case unknown:
		return fmt.Errorf("%s: %w: it was made by %s: delete it if that spool has ended", file, ErrPerhapsLocked, made)
	}
	// Only one process can rename it, and then checks that it renamed the file that it read.
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
