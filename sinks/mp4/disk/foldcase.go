package disk

import (
	"path"
	"strings"
)

// FoldsCase tells whether a file system takes capital and small letters for the same,
// by a file that is in every record directory.
func FoldsCase(fsys FS) bool {
	_, err := fsys.Stat(strings.ToUpper(IdentityFile))
	return err == nil
}

// AsOnDisk gives a name the directories as they are written on a disk that folds case:
// whoever walks it finds the file under that name.
func AsOnDisk(fsys FS, name string) string {
	above := path.Dir(name)
	if above == "." {
		return name
	}
	above = AsOnDisk(fsys, above)
	dir := path.Base(path.Dir(name))
	entries, _ := fsys.ReadDir(path.Dir(above)) // what cannot be read is made under the name that is wanted
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
