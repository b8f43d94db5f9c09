package mp4

import (
	"errors"
	"io/fs"
	"path"
	"path/filepath"
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
		case errors.Is(err, fs.ErrExist) || errors.Is(err, ErrOwned):
			n++
		case errors.Is(err, fs.ErrNotExist) && vanished < maxVanished:
			vanished++
		default:
			prune(m.fs, final)
			return err
		}
	}
}

// tryCreate makes a file and its directories. An error that is fs.ErrExist or
// ErrOwned says that the name is taken.
func (m *Muxer) tryCreate(f *file, final string) error {
	if err := m.mkdirs(path.Dir(final)); err != nil {
		return diskError("create directory", path.Dir(final), 0, lackOf(m.fs, err))
	}
	if _, err := m.fs.Stat(final); err == nil {
		return fs.ErrExist
	}
	name := final + PartSuffix
	key := filepath.Join(m.dir, name)
	if _, taken := writing(key); taken {
		return ErrOwned
	}
	live := register(key)
	opened, err := m.fs.Create(name)
	if err != nil {
		unregister(key)
		return diskError("create", name, 0, lackOf(m.fs, err))
	}
	f.f, f.name, m.live, m.path = opened, name, live, key
	return nil
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
