package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"syscall"
	"unicode/utf8"

	"github.com/gospool/spool/pipeline/filesystem"
)

// ExplainName adds an explanation to the error of creating a file if the file system refused its
// name, with the first character that may be the cause. It returns any other error unchanged.
// exFAT over FUSE refuses a name with ENOENT, although the directory exists.
func ExplainName(fsys FS, name string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		if info, serr := fsys.Stat(path.Dir(name)); serr != nil || !info.IsDir() {
			return err
		}
		err = NewError("create", name, 0, syscall.EINVAL)
	}
	if !filesystem.IsAny(err, syscall.EINVAL, syscall.EILSEQ, syscall.ENAMETOOLONG) {
		return err
	}
	for i, r := range name {
		if r >= utf8.RuneSelf {
			return fmt.Errorf("%w: the file system refuses this name, perhaps for its character %d, %q: change filename_pattern or the stream's path",
				err, utf8.RuneCountInString(name[:i])+1, r)
		}
	}
	return fmt.Errorf("%w: the file system refuses this name: change filename_pattern or the stream's path", err)
}
