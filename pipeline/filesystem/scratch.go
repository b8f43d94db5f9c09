package filesystem

import (
	"errors"
	"io/fs"
	"os"
)

// ScratchFile is the name of the file that TakesFile creates and removes at once.
const ScratchFile = ".spool-probe"

// scratchPrefix begins the names of the files and directories that Probe and Sharing create, and remove before
// they return. Several may exist at a time. The next Probe removes those of a killed process.
const scratchPrefix = ScratchFile + "-"

const scratchBytes = 4096

// TakesFile tests whether a directory accepts files: it creates ScratchFile, writes to it and removes it, and
// returns the errors of these steps. It first removes a ScratchFile that a crash left. If another process makes
// the same test and creates ScratchFile in between, TakesFile returns nil: the directory has accepted that file.
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
