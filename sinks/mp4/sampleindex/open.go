package sampleindex

import (
	"bytes"
	"errors"
	"io"
	"io/fs"

	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/pipeline/isobmff/index"
	"github.com/gospool/spool/pipeline/media"
)

// File is a finished file that is open, such as an os.File.
type File interface {
	io.ReaderAt
	Stat() (fs.FileInfo, error)
}

// Open opens the index of a finished file, which must be the recording's. Of a file whose
// length and time of change are those that the index names it reads nothing. Where they
// are not, or there is no index, one is made from the file and kept; one that cannot be
// kept is in memory: see Stored.
//
// Of an index the header alone is checked. The rest is when it is used: a reader that
// gets index.ErrDamaged then calls Rebuild.
func (s Store) Open(file File, id media.ID) (*Stored, error) {
	of, err := sourceOf(file, id)
	if err != nil {
		return nil, err
	}
	kept, err := s.Stored(id)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, index.ErrDamaged) && !errors.Is(err, filesystem.ErrNotBelow) {
		return nil, err
	}
	if kept != nil {
		was := kept.Source
		if was.Bytes == of.Bytes && was.ModifiedNS == of.ModifiedNS && of.ModifiedNS != 0 {
			return kept, nil
		}
		if err := kept.Close(); err != nil {
			return nil, err
		}
	}
	text, err := Build(file, of)
	if err != nil {
		return nil, err
	}
	if err := s.Write(id, text); err != nil {
		x, damaged := index.Open(bytes.NewReader(text), int64(len(text)))
		return &Stored{Index: x, Unkept: err}, damaged
	}
	return s.Stored(id)
}

// Rebuild makes the index of a finished file from the file, and keeps it.
func (s Store) Rebuild(file File, id media.ID) error {
	of, err := sourceOf(file, id)
	if err != nil {
		return err
	}
	text, err := Build(file, of)
	if err != nil {
		return err
	}
	return s.Write(id, text)
}

// sourceOf is what an index of the file as it is would be of, but for its moov. It is
// asked for before the file is read: what changes behind that, changes its time.
func sourceOf(file File, id media.ID) (of index.Source, err error) {
	info, err := file.Stat()
	if err != nil {
		return of, err
	}
	return index.Source{Recording: id, Bytes: info.Size(), ModifiedNS: Modified(info)}, nil
}

// Modified is the time of a file's last change as an index names it, ns since 1970; 0 where
// the file system has none.
func Modified(info fs.FileInfo) int64 {
	if at := info.ModTime(); !at.IsZero() {
		return at.UnixNano()
	}
	return 0
}
