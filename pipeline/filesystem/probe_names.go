package filesystem

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"unicode/utf8"
)

// tryNames creates a file with each name, and checks that the directory lists the file under the same name. It
// adds a name that fails to Report.Refused.
func (p *probe) tryNames(names []string) {
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if err := p.tryName(name); err != nil {
			p.report.Refused = append(p.report.Refused, fmt.Sprintf("the name %q%s (%v)", name, p.culprit(name), err))
		}
	}
}

var errOtherName = errors.New("it is stored under another name")

func (p *probe) tryName(name string) error {
	sub := filepath.Join(p.dir, "names")
	defer os.RemoveAll(sub)
	if err := os.Mkdir(sub, 0o700); err != nil {
		return nil // this error does not concern the name
	}
	f, err := os.OpenFile(filepath.Join(sub, name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if NoRoom(err) || IsAny(err, syscall.EIO, syscall.EROFS) {
		return nil
	}
	if errors.Is(err, fs.ErrNotExist) { // exFAT over FUSE refuses a name with this error
		return syscall.EINVAL
	}
	if err != nil {
		return errors.Unwrap(err)
	}
	_ = f.Close()
	entries, err := os.ReadDir(sub)
	if err == nil && (len(entries) != 1 || entries[0].Name() != name) {
		return errOtherName
	}
	return nil
}

// culprit finds the first character of a refused name that the file system refuses in any name, and returns a
// clause about it for the report. It returns "" if the file system accepts each character of the name.
func (p *probe) culprit(name string) string {
	for i, r := range name {
		if r < utf8.RuneSelf && (r == '_' || r == '-' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z') {
			continue
		}
		if p.tryName("x"+string(r)+"x") != nil {
			return fmt.Sprintf(" for its character %d, %q", utf8.RuneCountInString(name[:i])+1, r)
		}
	}
	return ""
}
