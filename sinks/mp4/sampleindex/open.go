package sampleindex

import (
	"errors"
	"io"
	"io/fs"

	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/pipeline/isobmff/index"
	"github.com/gospool/spool/pipeline/media"
)

// File is a finished MP4 file that is open for reading, such as an os.File.
type File interface {
	io.ReaderAt
	Stat() (fs.FileInfo, error)
}

// Open opens the index of a recording. file is its finished MP4 file; the caller must have checked
// that file belongs to the recording. If the stored index has the length and modification time of
// file, Open does not read file. Otherwise it builds an index from file and stores it. If the index
// cannot be stored, it is in memory only (Stored.Unkept). The caller must close the result.
//
// Open checks only the header of a stored index. The methods of the result check what they read: if
// one of them returns index.ErrDamaged, the caller must call Rebuild, and then Open again.
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
		x, damaged := index.OpenBytes(text)
		return &Stored{Index: x, Unkept: err}, damaged
	}
	return s.Stored(id)
}

// Rebuild builds the index of a recording from its finished MP4 file, and stores it.
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

// sourceOf describes a file for its index, except for Moov. It must be called before the tables
// are read: if the file changes after that, the index has an older modification time.
func sourceOf(file File, id media.ID) (of index.Source, err error) {
	info, err := file.Stat()
	if err != nil {
		return of, err
	}
	return index.Source{Recording: id, Bytes: info.Size(), ModifiedNS: Modified(info)}, nil
}

// Modified returns a file's modification time as an index stores it: ns since 1970 UTC, 0 if the
// file system has no modification times.
func Modified(info fs.FileInfo) int64 {
	if at := info.ModTime(); !at.IsZero() {
		return at.UnixNano()
	}
	return 0
}
