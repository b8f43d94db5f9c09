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

// ReadEntry returns the recording of the file at path name, which spool wrote, from the catalogue
// entry in the file and the facts stored beside it (package facts). In the result, Path is the
// base name of the file and Directory is empty: the caller knows the record directory. The
// recording of a growing file has State recording and no end yet. If the facts are damaged, the
// recording is protected. ReadEntry returns ErrNotOurs for a file of another program.
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
		err = applyFacts(store, &r)
	}
	if errors.Is(err, facts.ErrDamaged) {
		err = nil
	}
	return r, err
}

// Playable returns the number of bytes of a file that a player can read: all bytes of a finished
// file, and those before the first chunk of a growing file that is not whole. It scans a growing
// file, unless this process writes it.
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
	s := newChunkScan(f, size, f.sizeBytes)
	for {
		v, _, n, err := s.next()
		if err != nil || v != whole {
			return s.pos, err
		}
		s.pos += n
	}
}

// openEntry opens a file for reading and reads the boxes before its first chunk by openScan. The
// caller must call done, which closes the file; after an error done is nil.
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

// ErrOtherRecording reports that a file at a recording's path belongs to another recording.
var ErrOtherRecording = errors.New("the file belongs to another recording")

// Sized is an open file whose catalogue entry can be read. Size returns its size in bytes.
type Sized interface {
	io.ReaderAt
	Size() (int64, error)
}

// Belongs returns nil if an open file carries a recording's ID in its catalogue entry. An
// operation that starts from a row of the catalogue must call it with the file that the row names.
// Belongs reads some box headers and the entry, some KiB whatever the file's size. The file may be
// growing. name is for errors.
//
// Belongs returns ErrOtherRecording if the file has the ID of another recording. After an error of
// the operating system (syscall.Errno) the file may still be that of the recording; any other error
// means that the file has no entry or a damaged one.
func Belongs(f Sized, name string, recording media.ID) error {
	_, _, err := entryOf(f, name, recording)
	return err
}

// RecordingOf returns the recording's ID in the catalogue entry of an open file. It returns an error
// if the file cannot be read, or has no entry or a damaged one. name is for errors.
func RecordingOf(f Sized, name string) (media.ID, error) {
	e, _, err := entryAt(f, name)
	if err != nil {
		return media.ID{}, err
	}
	return media.ParseID(e.identity.ID)
}

// Protected checks a file of record directory dir as Belongs does, and reports whether the
// recording is protected from deletion, by the file's entry or by the facts beside it. With
// damaged facts the recording is protected, and Protected returns no error.
func Protected(f Sized, dir, name string, recording media.ID) (bool, error) {
	e, _, err := entryOf(f, name, recording)
	if err != nil {
		return false, err
	}
	r := media.Recording{ID: recording, Protected: e.protected}
	if err := applyFacts(facts.In(dir), &r); err != nil && !errors.Is(err, facts.ErrDamaged) {
		return r.Protected, err
	}
	return r.Protected, nil
}

// entryOf reads the entry as entryAt does, and returns its results. The error is ErrOtherRecording
// if the entry carries the ID of another recording.
func entryOf(f Sized, name string, recording media.ID) (e entry, at int64, err error) {
	e, at, err = entryAt(f, name)
	if err == nil && e.identity.ID != recording.String() {
		err = fmt.Errorf("%s: %w: of %s, not of %s", name, ErrOtherRecording, e.identity.ID, recording)
	}
	return e, at, err
}

// entryAt reads the entry from the first moov of the file, which is the one that players read,
// and returns the offset of its box in the file. Of other boxes it reads only the headers.
func entryAt(f Sized, name string) (e entry, at int64, err error) {
	size, err := f.Size()
	if err != nil {
		return e, 0, err
	}
	in := filesystem.NewAhead(f, size)
	moovAt, moov, err := boxAt(in, 0, size, "moov")
	at, end := moovAt+moov.HeaderBytes, min(moovAt+moov.SizeBytes, size)
	for err == nil {
		var h isobmff.Header
		if at, h, err = boxAt(in, at, end, "uuid"); err != nil {
			break
		}
		var box []byte
		if box, err = isobmff.ReadPayload(in, at, isobmff.Header{SizeBytes: h.SizeBytes}, end, isobmff.MaxMoovBytes); err != nil {
			break
		}
		if e, _, err = findEntry(box); !errors.Is(err, ErrNotOurs) {
			break
		}
		at, err = at+h.SizeBytes, nil
	}
	if err != nil {
		return e, 0, fmt.Errorf("%s: %w", name, err)
	}
	return e, at, nil
}

// boxAt returns the offset and the header of the first box of a type among the consecutive boxes
// between two offsets. It returns ErrNotOurs if there is no such box, or if a box before it is
// invalid. Other errors come from the operating system.
func boxAt(f io.ReaderAt, at, end int64, fourcc string) (int64, isobmff.Header, error) {
	for at < end {
		h, err := isobmff.ReadHeader(f, at, end)
		var system syscall.Errno
		switch {
		case errors.As(err, &system):
			return at, h, err
		case err != nil || h.SizeBytes == 0:
			return at, h, ErrNotOurs
		case h.Is(fourcc):
			return at, h, nil
		}
		at += h.SizeBytes
	}
	return at, isobmff.Header{}, ErrNotOurs
}
