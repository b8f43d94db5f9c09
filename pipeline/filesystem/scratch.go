package filesystem

import (
	"errors"
	"io/fs"
	"os"
)

// ScratchFile is created in a directory and removed at once, to test whether the directory accepts
// files.
const ScratchFile = ".spool-probe"

// scratchPrefix begins the names of the scratch files of Probe and Sharing, of which several may
// exist at a time. They are removed at once; the next Probe removes those of a killed process.
const scratchPrefix = ScratchFile + "-"

const scratchBytes = 4096

// TakesFile creates a file in a directory, writes to it and removes it, and returns the first
// error. A file with that name is left from a crash or belongs to another process that makes the
// same test.
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
			return nil // the directory accepts the other process's file
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
