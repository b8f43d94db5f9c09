package mp4

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/pipeline/isobmff"
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

// ErrOtherRecording says that a file has the name of a recording's file and is the
// file of another one.
var ErrOtherRecording = errors.New("the file is of another recording")

// Sized is an open file as far as its entry is read from it.
type Sized interface {
	io.ReaderAt
	Size() (int64, error)
}

// Belongs makes sure that an open file is the one of a recording: its own entry
// says so. It reads a few hundred bytes, whatever the file's size, and the file may
// be growing. A row of the catalogue names a file; what is done because of a row is
// done only to the file that this holds for.
//
// ErrOtherRecording: it is another one's. With an error of the system the disk did not
// say; with any other the file cannot: it has no entry, or a damaged one.
func Belongs(f Sized, name string, recording media.ID) error {
	_, _, err := entryOf(f, name, recording)
	return err
}

// RecordingOf returns which recording an open file is of, by the file's own entry; errors
// are those of Belongs.
func RecordingOf(f Sized, name string) (media.ID, error) {
	e, _, err := entryAt(f, name)
	if err != nil {
		return media.ID{}, err
	}
	return media.ParseID(e.identity.ID)
}

// Protected is Belongs for a file of a record directory, and tells whether the file is
// protected by its own word or by what is known beside it; damaged facts protect it.
func Protected(f Sized, dir, name string, recording media.ID) (bool, error) {
	e, _, err := entryOf(f, name, recording)
	if err != nil {
		return false, err
	}
	r := media.Recording{ID: recording, Protected: e.protected}
	if err := know(facts.In(dir), &r); err != nil && !errors.Is(err, facts.ErrDamaged) {
		return r.Protected, err
	}
	return r.Protected, nil
}

// entryOf is entryAt for the file of a recording.
func entryOf(f Sized, name string, recording media.ID) (e entry, at int64, err error) {
	e, at, err = entryAt(f, name)
	if err == nil && e.identity.ID != recording.String() {
		err = fmt.Errorf("%s: %w: of %s, not of %s", name, ErrOtherRecording, e.identity.ID, recording)
	}
	return e, at, err
}

// entryAt reads the entry in whichever moov a player would read, and tells where
// its box begins. Of the tables beside it, it reads the headers alone.
func entryAt(f Sized, name string) (e entry, at int64, err error) {
	size, err := f.Size()
	if err != nil {
		return e, 0, err
	}
	in := filesystem.NewAhead(f, size)
	moovAt, moov, err := boxAt(in, 0, size, "moov")
	at, end := moovAt+moov.Length, min(moovAt+moov.Size, size)
	for err == nil {
		var h isobmff.Header
		if at, h, err = boxAt(in, at, end, "uuid"); err != nil {
			break
		}
		var box []byte
		if box, err = isobmff.ReadPayload(in, at, isobmff.Header{Size: h.Size}, end, isobmff.MaxMoov); err != nil {
			break
		}
		if e, _, err = findEntry(box); !errors.Is(err, ErrNotOurs) {
			break
		}
		at, err = at+h.Size, nil
	}
	if err != nil {
		return e, 0, fmt.Errorf("%s: %w", name, err)
	}
	return e, at, nil
}

// boxAt finds the first box of a type among those that follow one another from a
// byte on. ErrNotOurs: there is none, or what stands there is no box.
func boxAt(f io.ReaderAt, at, end int64, fourcc string) (int64, isobmff.Header, error) {
	for at < end {
		h, err := isobmff.ReadHeader(f, at, end)
		var system syscall.Errno
		switch {
		case errors.As(err, &system):
			return at, h, err
		case err != nil || h.Size == 0:
			return at, h, ErrNotOurs
		case h.Is(fourcc):
			return at, h, nil
		}
		at += h.Size
	}
	return at, isobmff.Header{}, ErrNotOurs
}
