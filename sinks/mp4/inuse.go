package mp4

import (
	"path/filepath"
)

// Writing reports whether this process writes a file.
func Writing(name string) bool {
	_, ours := writing(absolute(name))
	return ours
}

// InUse reports whether somebody writes a file, here or in another process. A
// file of which that cannot be told is in use.
func InUse(name string) bool {
	name = absolute(name)
	if _, ours := writing(name); ours {
		return true
	}
	dir, base := filepath.Split(name)
	fsys, err := openDisk(dir)
	if err != nil {
		return true
	}
	defer fsys.Close()
	f, err := fsys.Open(base)
	if err != nil {
		return true
	}
	return f.Close() != nil
}
