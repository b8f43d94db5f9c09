package facts

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Of returns the store of the record directory that contains a file. identity is the name of the
// identity file: see Root.
func Of(file, identity string) (Store, error) {
	dir, err := Root(file, identity)
	if err != nil {
		return Store{}, err
	}
	return In(dir), nil
}

// Root returns the record directory that contains a file: the nearest parent directory in which a
// file with the name identity exists. If there is none, it returns the file's own directory.
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
