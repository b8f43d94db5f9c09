package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/gospool/spool/pipeline/media"
)

// Publish renames a finished file to its name without media.PartSuffix, or to the next free name
// with a number, and returns the new name. Unless noSync is set, it makes the rename durable. If
// it returns an error and a name, the file has that name, but a power cut may undo the rename.
func Publish(fsys FS, name string, noSync bool) (string, error) {
	stem := strings.TrimSuffix(strings.TrimSuffix(name, media.PartSuffix), ".mp4")
	for n := 0; ; n++ {
		final := stem + ".mp4"
		if n > 0 {
			final = fmt.Sprintf("%s_%d.mp4", stem, n+1)
		}
		err := fsys.Rename(name, final)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return "", NewError("rename", name, 0, err)
		}
		if noSync {
			return final, nil
		}
		if err := fsys.SyncDir(path.Dir(final)); err != nil {
			return final, NewError("fsync directory of", final, 0, err)
		}
		return final, nil
	}
}
