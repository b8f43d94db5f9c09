package sampleindex

import (
	"errors"
	"io"
	"io/fs"

	"github.com/gospool/spool/pipeline/isobmff/index"
	"github.com/gospool/spool/pipeline/media"
)

// Open opens the index of a finished file of size bytes, which must be the recording's.
// Where there is none that is of the file as it is, one is made from the file and kept.
// Its header and directory are looked at when they are used, as its blocks: a reader
// that gets index.ErrDamaged calls Rebuild.
func (s Store) Open(file io.ReaderAt, size int64, id media.ID) (*Stored, error) {
	x, err := s.Stored(id)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, index.ErrDamaged) {
		return nil, err
	}
	if err == nil {
		of, err := SourceOf(file, size, id)
		if err == nil && x.Source == of {
			return x, nil
		}
		if err = errors.Join(err, x.Close()); err != nil {
			return nil, err
		}
	}
	if err := s.Rebuild(file, size, id); err != nil {
		return nil, err
	}
	return s.Stored(id)
}

// Rebuild makes the index of a finished file from the file, and keeps it.
func (s Store) Rebuild(file io.ReaderAt, size int64, id media.ID) error {
	text, err := Build(file, size, id)
	if err != nil {
		return err
	}
	return s.Write(id, text)
}
