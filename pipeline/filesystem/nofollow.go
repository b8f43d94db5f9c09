package filesystem

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// ErrNotBelow is the error for a name that does not belong to a file in a directory: the name leads out of the
// directory, or through a symbolic link, or it names a pipe, a socket or a device.
var ErrNotBelow = errors.New("not a file of the directory")

// OpenBelow opens a regular file or a directory below dir. name is slash-separated. The error is ErrNotBelow if a
// segment of name is a symbolic link, or if name is that of a pipe, a socket or a device; the call does not block
// on these. flag and perm are the arguments of os.OpenFile, but O_CREATE is allowed only together with O_EXCL.
func OpenBelow(dir *os.File, name string, flag int, perm fs.FileMode) (*os.File, error) {
	return openBelow(dir, name, flag, perm)
}

// LstatBelow returns the FileInfo of a name below dir, as os.Lstat does. Only the last segment of name may be a
// symbolic link.
func LstatBelow(dir *os.File, name string) (fs.FileInfo, error) {
	if name == "." {
		return dir.Stat()
	}
	return lstatBelow(dir, name)
}

// localName returns a slash-separated name in its shortest form. ok is false if the name leads out of its directory.
func localName(name string) (clean string, ok bool) {
	if !filepath.IsLocal(filepath.FromSlash(name)) || strings.ContainsRune(name, 0) {
		return "", false
	}
	return path.Clean(name), true
}
