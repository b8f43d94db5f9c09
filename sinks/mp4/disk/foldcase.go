package disk

import (
	"path"
	"strings"
)

// FoldsCase reports whether a file system ignores case, tested with a file that exists in every
// record directory.
func FoldsCase(fsys FS) bool {
	_, err := fsys.Stat(strings.ToUpper(IdentityFile))
	return err == nil
}

// AsOnDisk replaces the directories of a name by their spelling on a case-insensitive disk, so
// that a directory walk finds the file under the returned name.
func AsOnDisk(fsys FS, name string) string {
	above := path.Dir(name)
	if above == "." {
		return name
	}
	above = AsOnDisk(fsys, above)
	dir := path.Base(path.Dir(name))
	entries, _ := fsys.ReadDir(path.Dir(above)) // an unreadable directory is created under the wanted name
	for _, e := range entries {
		if e.Name() == dir {
			return path.Join(above, path.Base(name))
		}
	}
	for _, e := range entries {
		if strings.EqualFold(e.Name(), dir) {
			return path.Join(path.Dir(above), e.Name(), path.Base(name))
		}
	}
	return path.Join(above, path.Base(name))
}
