package filesystem

import (
	"fmt"
	"os"
)

// Sharing reports the features by which several connections to a SQLite database coordinate.
type Sharing struct {
	Memory bool // shared memory mappings of a file
	Locks  bool // record locks by fcntl
}

// Sharing tests, with a scratch file in dir, which fields of the type Sharing are true for the file system of
// dir. If it cannot create the scratch file, it returns true for all fields.
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
