package facts

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Of is the store of the record directory that a file is in.
func Of(file, identity string) (Store, error) {
	dir, err := Root(file, identity)
	if err != nil {
		return Store{}, err
	}
	return In(dir), nil
}

// Root is the record directory that a file is in: the nearest directory above it with
// an identity file, which every record directory has. A file in none has its own
// directory.
func Root(file, identity string) (string, error) {
	own := filepath.Dir(file)
	for dir := own; ; {
		_, err := os.Lstat(filepath.Join(dir, identity))
		if err == nil {
			return dir, nil
		}
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
			return "", err
		}
		above := filepath.Dir(dir)
		if above == dir {
			return own, nil
		}
		dir = above
	}
}
