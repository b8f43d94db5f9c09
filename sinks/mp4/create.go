package mp4

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/disk"
)

// maxVanished limits how often create tries again after the directory of a new file vanished
// between its creation and that of the file. Another process removes a directory after it has
// deleted the last file in it (disk.Prune).
const maxVanished = 100

// begin creates the file of the current segment and writes the boxes before the first chunk. The
// times in first, the first chunk, determine the file's time 0; begin does not write that chunk.
func (m *Muxer) begin(first *media.Chunk) error {
	if m.fs == nil {
		if err := m.reopen(); err != nil {
			return err
		}
	}
	if err := m.standalone.stillThere(m.fs, m.dir); err != nil {
		return fmt.Errorf("%w%s", err, disk.Advice(err))
	}
	f, err := newFile(m.seg, first, m.cfg.Fragment, int64(m.cfg.FragmentDuration))
	if err != nil {
		return err
	}
	f.entry.identity.FlushNS = int64(m.flush)
	f.noSync = m.cfg.Sync == syncNone
	f.entry.protected = f.entry.protected && m.grantProtection(f, m.seg.Events...)
	if err := m.create(f); err != nil {
		return err
	}
	m.file, m.synced, m.counted, m.announced, m.unsynced = f, m.clock.Now(), 0, false, false
	if err := f.writeHeader(m.reserve(m.seg, m.cfg)); err != nil {
		return err
	}
	f.maxBytes, f.gopAt = m.maxBytes(f), f.sizeBytes
	if !f.noSync {
		if err := m.fs.SyncDir(path.Dir(f.name)); err != nil {
			return f.fail("fsync directory", 0, err)
		}
	}
	m.grew()
	return nil
}

// create creates the file under the first name of the pattern that no growing and no finished file
// has, and sets f.f and f.name.
func (m *Muxer) create(f *file) error {
	vanished := 0
	for n := 0; ; {
		final := m.pattern.Name(m.seg, m.loc, n)
		err := m.tryCreate(f, final)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, fs.ErrExist) || errors.Is(err, disk.ErrOwned):
			n++
		case errors.Is(err, fs.ErrNotExist) && vanished < maxVanished:
			vanished++
		default:
			err = disk.ExplainName(m.fs, final, err)
			disk.Prune(m.fs, final)
			return err
		}
	}
}

// tryCreate creates the growing file for a final name, and its directories. It returns
// fs.ErrExist or disk.ErrOwned if the name is taken, by a finished or by a growing file.
func (m *Muxer) tryCreate(f *file, final string) error {
	if err := disk.MkdirAll(m.fs, path.Dir(final)); err != nil {
		return disk.NewError("create directory", path.Dir(final), 0, disk.Explain(m.fs, err))
	}
	if m.foldsCase {
		final = disk.AsOnDisk(m.fs, final)
	}
	if _, err := m.fs.Stat(final); err == nil {
		return fs.ErrExist
	}
	name := final + media.PartSuffix
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
