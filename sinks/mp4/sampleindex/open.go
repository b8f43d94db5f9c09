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

// File is an open finished file, such as an os.File.
type File interface {
	io.ReaderAt
	Stat() (fs.FileInfo, error)
}

// Open opens the index of a finished file, which must belong to the recording. It does not read
// the file if its length and modification time match the index. If they differ, or there is no
// index, it builds one from the file and stores it. If it cannot be stored, the index is in
// memory: see Stored.
//
// Open checks only the index's header. Its tables are checked when they are read: a reader that
// gets index.ErrDamaged must call Rebuild.
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

// Rebuild builds the index of a finished file from the file, and stores it.
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

// sourceOf describes the current file for its index, except for its moov. It must be called
// before the file is read: a later change then changes the modification time.
func sourceOf(file File, id media.ID) (of index.Source, err error) {
	info, err := file.Stat()
	if err != nil {
		return of, err
	}
	return index.Source{Recording: id, Bytes: info.Size(), ModifiedNS: Modified(info)}, nil
}

// Modified returns a file's modification time as an index stores it, UTC ns; 0 if the file system
// has none.
func Modified(info fs.FileInfo) int64 {
	if at := info.ModTime(); !at.IsZero() {
		return at.UnixNano()
	}
	return 0
}
