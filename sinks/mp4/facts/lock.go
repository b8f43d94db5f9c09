package facts

import (
	"errors"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/gospool/spool/pipeline/filesystem"
)

// changing orders the changes of this process: a file system without locks has that
// order alone.
var changing sync.Mutex

// flock locks a file, which is made where it is missing and stays, and waits for it:
// whoever holds it replaces one small file.
func flock(own filesystem.Own, name string) (unlock func(), err error) {
	changing.Lock()
	f, err := own.Open(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		changing.Unlock()
		return nil, err
	}
	for {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil && !errors.Is(err, unix.ENOTSUP) && !errors.Is(err, unix.ENOSYS) && !errors.Is(err, unix.ENOLCK) {
		changing.Unlock()
		return nil, errors.Join(err, f.Close())
	}
	return func() { _ = f.Close(); changing.Unlock() }, nil
}
