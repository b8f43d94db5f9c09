package filesystem

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Within reports whether dir is one of roots or lies below one. This must hold both for the path as it is
// written and for the path with all links resolved. It is false for a path with "..". It is also false for a
// path that leads, below a root, through a directory of the recorder's own: one whose name begins with a dot,
// or for which NamesSQLite is true. dir need not exist.
func Within(dir string, roots []string) (bool, error) {
	if slices.Contains(segments(dir), "..") {
		return false, nil
	}
	plain, err := filepath.Abs(dir)
	if err != nil {
		return false, err
	}
	resolved, err := resolve(plain)
	if err != nil {
		return false, err
	}
	var written, led bool
	for _, root := range roots {
		root, err := filepath.Abs(root)
		if err != nil {
			return false, err
		}
		written = written || below(plain, root)
		if root, err = resolve(root); err != nil {
			return false, err
		}
		led = led || below(resolved, root)
	}
	return written && led, nil
}

func below(dir, root string) bool {
	rel, err := filepath.Rel(root, dir)
	if err != nil || !filepath.IsLocal(rel) {
		return false
	}
	return rel == "." || !slices.ContainsFunc(segments(rel), func(s string) bool { return strings.HasPrefix(s, ".") || NamesSQLite(s) })
}

func segments(path string) []string { return strings.Split(filepath.ToSlash(path), "/") }

// resolve returns an absolute path with all links resolved. The last segments need not exist.
func resolve(path string) (string, error) {
	at, err := filepath.EvalSymlinks(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return at, err
	}
	if _, err := os.Lstat(path); err == nil {
		return "", &fs.PathError{Op: "resolve", Path: path, Err: errors.New("a link that leads nowhere")}
	}
	above := filepath.Dir(path)
	if above == path {
		return path, nil
	}
	if above, err = resolve(above); err != nil {
		return "", err
	}
	return filepath.Join(above, filepath.Base(path)), nil
}
