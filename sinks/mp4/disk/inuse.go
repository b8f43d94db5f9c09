package disk

import "path/filepath"

// InUse reports whether this or another process writes the file at path name. It returns true if
// it cannot find out, as for a file that it cannot open.
func InUse(name string) bool {
	name = Absolute(name)
	if _, ours := GrowingBytes(name); ours {
		return true
	}
	dir, base := filepath.Split(name)
	fsys, err := Open(dir)
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
