package filesystem

import (
	"errors"
	"io/fs"
	"os"
)

// ScratchFile is the name of the file that TakesFile creates and removes at once.
const ScratchFile = ".spool-probe"

// scratchPrefix begins the names of the files and directories that Probe and Sharing create, of which several
// may exist at a time. They are removed at once. The next Probe removes those of a killed process.
const scratchPrefix = ScratchFile + "-"

const scratchBytes = 4096

// TakesFile tests whether a directory accepts files: it creates a file, writes to it and removes it. It returns
// the first error. If the file exists already, a crash left it, or another process is making the same test.
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
			return nil // the directory has accepted the other process's file
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
