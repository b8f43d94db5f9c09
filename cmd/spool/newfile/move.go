// Package newfile gives the results of commands their names.
package newfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Move gives the file from the name to. It returns fs.ErrExist if a file has this name already, which another program
// may have made meanwhile. On a file system without hard links, it replaces a file that is made between its check and
// the rename. It leaves the name from, unless it has renamed the file. It does not sync: after a power cut the file can
// be made again.
func Move(from, to string) error {
	err := os.Link(from, to)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	if _, err := os.Lstat(to); err == nil { // the file system has no hard links, so check and then rename
		return fmt.Errorf("%s: %w", to, fs.ErrExist)
	}
	return os.Rename(from, to)
}
