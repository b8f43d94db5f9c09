package disk

import (
	"path"
	"strings"
)

// FoldsCase reports whether the file system of a record directory ignores the case of names. It
// looks for the identity file, which every record directory has, by its name in upper case.
func FoldsCase(fsys FS) bool {
	_, err := fsys.Stat(strings.ToUpper(IdentityFile))
	return err == nil
}

// AsOnDisk returns a file's name with its directories spelled as they exist on a file system that
// ignores case, so that the name equals the one that a directory walk finds.
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
