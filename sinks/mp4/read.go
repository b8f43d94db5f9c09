package mp4

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/disk"
	"github.com/gospool/spool/sinks/mp4/facts"
)

// ReadEntry reads the catalogue entry that a file of ours carries. Path is the
// file's base name, without Directory: the caller knows its record directory. A growing file has
// State recording, and no end yet. What was changed since the file was finished is
// read from beside it: see package facts; damaged facts protect the recording.
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
	r, err := f.entry.recording(filepath.Base(name), size)
	if err != nil {
		return r, err
	}
	store, err := factsOf(disk.Absolute(name))
	if err == nil {
		err = know(store, &r)
	}
	if errors.Is(err, facts.ErrDamaged) {
		err = nil
	}
	return r, err
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
