package filesystem

import (
	"errors"
	"io/fs"
	"os"
)

// ScratchFile is made in a directory and removed at once, to find out whether the
// directory takes files.
const ScratchFile = ".spool-probe"

// scratchPrefix begins the names of what Probe and SharesMemory make, of which
// several may be at a time. It is removed at once; that of a process which was
// killed, by the next Probe.
const scratchPrefix = ScratchFile + "-"

const scratchBytes = 4096

// TakesFile makes a file in a directory, writes to it and removes it: nil where that
// works. A file that is there is that of a crash, or of another process that asks as
// well.
func TakesFile(dir *os.Root) error {
	create := func() (*os.File, error) {
		return dir.OpenFile(ScratchFile, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	}
	f, err := create()
	if errors.Is(err, fs.ErrExist) {
		if err = dir.Remove(ScratchFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if f, err = create(); errors.Is(err, fs.ErrExist) {
			return nil // it does for the other one
		}
	}
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, scratchBytes))
	err = errors.Join(err, f.Close())
	if gone := dir.Remove(ScratchFile); !errors.Is(gone, fs.ErrNotExist) {
		err = errors.Join(err, gone)
	}
	return err
}
