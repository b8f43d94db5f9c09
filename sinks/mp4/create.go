package mp4

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/gospool/spool/sinks/mp4/disk"
	"golang.org/x/sys/unix"
)

// maxVanished is how often in a row the directory of a new file may go before the
// file is in it: whoever deletes the last file of a directory removes that too.
const maxVanished = 100

// create finds a name that neither a growing nor a finished file has.
func (m *Muxer) create(f *file) error {
	vanished := 0
	for n := 0; ; {
		final := m.pattern.name(m.seg, m.loc, n)
		err := m.tryCreate(f, final)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, fs.ErrExist) || errors.Is(err, disk.ErrOwned):
			n++
		case errors.Is(err, fs.ErrNotExist) && vanished < maxVanished:
			vanished++
		default:
			err = refusedName(m.fs, final, err)
			prune(m.fs, final)
			return err
		}
	}
}

// refusedName makes an error of one that says that a file system does not take a name:
// exFAT over FUSE calls such a file not there.
func refusedName(fsys disk.FS, name string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		if info, serr := fsys.Stat(path.Dir(name)); serr != nil || !info.IsDir() {
			return err
		}
		err = disk.NewError("create", name, 0, unix.EINVAL)
	}
	if !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.EILSEQ) && !errors.Is(err, unix.ENAMETOOLONG) {
		return err
	}
	for i, r := range name {
		if r >= utf8.RuneSelf {
			return fmt.Errorf("%w: the file system does not take this name, perhaps for its character %d, %q: change filename_pattern or the stream's path",
				err, utf8.RuneCountInString(name[:i])+1, r)
		}
	}
	return fmt.Errorf("%w: the file system does not take this name: change filename_pattern or the stream's path", err)
}

// tryCreate makes a file and its directories. An error that is fs.ErrExist or
// ErrOwned says that the name is taken.
func (m *Muxer) tryCreate(f *file, final string) error {
	if err := m.mkdirs(path.Dir(final)); err != nil {
		return disk.NewError("create directory", path.Dir(final), 0, disk.Explain(m.fs, err))
	}
	if m.foldsCase {
		final = asOnDisk(m.fs, final)
	}
	if _, err := m.fs.Stat(final); err == nil {
		return fs.ErrExist
	}
	name := final + PartSuffix
	key := filepath.Join(m.dir, name)
	if _, taken := disk.GrowingBytes(key); taken {
		return disk.ErrOwned
	}
	live := disk.Register(key)
	opened, err := m.fs.Create(name)
	if err != nil {
		disk.Unregister(key)
		return disk.NewError("create", name, 0, disk.Explain(m.fs, err))
	}
	f.f, f.name, m.live, m.path = opened, name, live, key
	return nil
}

// foldsCase tells whether a file system takes capital and small letters for the same,
// by a file that is in every record directory.
func foldsCase(fsys disk.FS) bool {
	_, err := fsys.Stat(strings.ToUpper(disk.IdentityFile))
	return err == nil
}

// asOnDisk gives a name the directories as they are written on a disk that folds case:
// whoever walks it finds the file under that name.
func asOnDisk(fsys disk.FS, name string) string {
	above := path.Dir(name)
	if above == "." {
		return name
	}
	above = asOnDisk(fsys, above)
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

// mkdirs makes the directories of a name, each durable in its parent.
func (m *Muxer) mkdirs(dir string) error {
	if dir == "." {
		return nil
	}
	if info, err := m.fs.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	parent := path.Dir(dir)
	if err := m.mkdirs(parent); err != nil {
		return err
	}
	made, err := m.fs.Mkdir(dir)
	if err != nil || !made {
		return err
	}
	return m.fs.SyncDir(parent)
}
