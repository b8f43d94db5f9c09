package facts

import (
	"errors"
	"os"
	"sync"

	"github.com/gospool/spool/pipeline/filesystem"
)

// changing serialises the changes of facts by the goroutines of this process. On a file system
// without file locks it is the only lock, and does not exclude other processes.
var changing sync.Mutex

// flock locks the file name for the caller, and excludes the other processes and goroutines. It
// creates the file if it does not exist; unlock does not remove the file. flock waits for the lock,
// which other processes hold for a short time only. On a file system that has no locks, it excludes
// only the goroutines of this process, and returns no error.
func flock(own filesystem.Own, name string) (unlock func(), err error) {
	changing.Lock()
	f, err := own.Open(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		changing.Unlock()
		return nil, err
	}
	if err = filesystem.WaitLock(f); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		changing.Unlock()
		return nil, errors.Join(err, f.Close())
	}
	return func() { _ = f.Close(); changing.Unlock() }, nil
}
