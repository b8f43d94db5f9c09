package facts

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Of is the store of the record directory that a file is in: the nearest directory
// above it with an identity file, which every record directory has. A file in none has
// the store of its own directory.
func Of(file, identity string) (Store, error) {
	own := filepath.Dir(file)
	for dir := own; ; {
		_, err := os.Lstat(filepath.Join(dir, identity))
		if err == nil {
			return In(dir), nil
		}
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
			return Store{}, err
		}
		above := filepath.Dir(dir)
		if above == dir {
			return In(own), nil
		}
		dir = above
	}
}
