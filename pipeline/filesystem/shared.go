package filesystem

import (
	"fmt"
	"os"
)

// Sharing is what several connections to a database in one directory need to know of
// one another.
type Sharing struct {
	Memory bool // a file's pages are the same to all who map them
	Locks  bool // of parts of files, by fcntl
}

// Sharing tries it with a file of its own. Where none can be made, nothing is lacking
// that is known of.
func (c *Calls) Sharing(dir string) Sharing {
	s := Sharing{true, true}
	f, err := os.CreateTemp(dir, fmt.Sprintf("%s%d-", scratchPrefix, os.Getpid()))
	if err != nil {
		return s
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if _, err = f.WriteAt(make([]byte, 4096), 0); err == nil {
		s.Memory = !refused(mapping, c.mmap(int(f.Fd())))
	}
	s.Locks = !refused(recordLock, c.setlk(int(f.Fd())))
	return s
}
