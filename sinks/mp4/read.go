package mp4

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/disk"
)

// ReadEntry reads the catalogue entry that a file of ours carries. Path is the
// file's base name, without Directory: the caller knows its record directory. A growing file has
// State recording, and no end yet.
func ReadEntry(name string) (media.Recording, error) {
	f, form, done, err := openEntry(name)
	if err != nil {
		return media.Recording{}, err
	}
	defer done()
	size, err := f.f.Size()
	if err != nil {
		return media.Recording{}, err
	}
	if form != finished {
		f.entry.outcome = outcome{state: media.StateRecording}
	}
	return f.entry.recording(filepath.Base(name), size)
}

// Playable is how many bytes of a file can be served: all of a finished one,
// and a growing one up to its last whole chunk, from its writer where that is
// this process and from a scan where it is not.
func Playable(name string) (int64, error) {
	name = disk.Absolute(name)
	if size, ok := disk.GrowingBytes(name); ok {
		return size, nil
	}
	f, form, done, err := openEntry(name)
	if err != nil {
		return 0, err
	}
	defer done()
	if form == finished {
		return f.f.Size()
	}
	size, err := f.f.Size()
	if err != nil {
		return 0, err
	}
	s := newChunkScan(f, size, f.size)
	for {
		v, _, n, err := s.next()
		if err != nil || v != whole {
			return s.pos, err
		}
		s.pos += n
	}
}

// SetProtected changes the protection that a recording's file carries, in place,
// with one write of one byte, and makes it durable. The file may be growing. One
// that is not the recording's is not touched: see Belongs.
func SetProtected(name string, recording media.ID, protected bool) error {
	return change(name, func(f disk.File, name string) error {
		if err := Belongs(f, name, recording); err != nil {
			return err
		}
		return protect(f, name, protected)
	})
}

// change lets a file be changed in place beside its owner, and makes what was
// done durable.
func change(name string, do func(f disk.File, name string) error) error {
	dir, base := filepath.Split(disk.Absolute(name))
	fsys, err := disk.Open(dir)
	if err != nil {
		return err
	}
	defer fsys.Close()
	return changeIn(fsys.OpenShared, base, do)
}

// changeIn is change in a directory that opens files so.
func changeIn(open func(name string) (disk.File, error), name string, do func(f disk.File, name string) error) error {
	f, err := open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := do(f, name); err != nil {
		return err
	}
	return f.Datasync()
}

// protect writes the protection into the entry that counts, and again where
// another one has begun to count meanwhile: the file may be being finished.
func protect(f disk.File, name string, protected bool) error {
	b := []byte{0}
	if protected {
		b[0] = 1
	}
	_, at, err := entryAt(f, name)
	for written := int64(-1); err == nil && at != written; {
		if _, err := f.WriteAt(b, at+entryProtectedAt); err != nil {
			return disk.NewError("protect", name, at, err)
		}
		written = at
		_, at, err = entryAt(f, name)
	}
	return err
}

// openEntry opens a file for reading, and reads its header.
func openEntry(name string) (f *file, form form, done func(), err error) {
	dir, base := filepath.Split(disk.Absolute(name))
	fsys, err := disk.Open(dir)
	if err != nil {
		return nil, 0, nil, err
	}
	opened, err := fsys.OpenRead(base)
	if err == nil {
		if f, form, err = openScan(opened, base); err == nil {
			return f, form, func() { _ = opened.Close(); _ = fsys.Close() }, nil
		}
		_ = opened.Close()
	}
	_ = fsys.Close()
	return nil, 0, nil, fmt.Errorf("%s: %w", strings.TrimSuffix(dir, "/"), err)
}
