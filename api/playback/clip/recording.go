package clip

import (
	"errors"
	"fmt"
	"os"

	"github.com/gospool/spool/api/playback"
	"github.com/gospool/spool/pipeline/isobmff/index"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/sampleindex"
)

// Library opens recordings. It is safe for concurrent use.
type Library struct {
	Files   playback.Files
	Indexes sampleindex.Store
	// Belongs returns an error for a file that belongs to another recording than id.
	Belongs func(f *os.File, name string, id media.ID) error
}

// Recording is an open recording. The caller closes it. It is safe for concurrent use.
type Recording struct {
	ID   media.ID
	File playback.File // its Size bounds the bytes in the index
	// Tracks describes the tracks that have samples, in the order of the file.
	Tracks []Track

	index   *index.Index
	stored  *sampleindex.Stored // nil for an index in memory
	indexes sampleindex.Store
}

// Open opens the recording of a clip. For a growing file the result has the whole chunks that the file has now.
// The errors are those of playback.Files, of Library.Belongs and of package sampleindex; damage of a
// stored index is mended by building it again.
func (l *Library) Open(id media.ID, path string) (*Recording, error) {
	f, err := l.Files.Open(path)
	if err != nil {
		return nil, err
	}
	return l.recording(f, id, path, false)
}

// OpenWhole opens the recording of a clip and reads its whole index into memory, which makes the reading of many samples
// cheaper: see Open.
func (l *Library) OpenWhole(id media.ID, path string) (*Recording, error) {
	f, err := l.Files.Open(path)
	if err != nil {
		return nil, err
	}
	return l.Whole(f, id, path)
}

// Whole is OpenWhole for a file of l.Files that is open. The result, or an error, closes it.
func (l *Library) Whole(f playback.File, id media.ID, path string) (*Recording, error) {
	return l.recording(f, id, path, true)
}

// OpenIndex opens the sample index of a recording that was opened before, and not its file: the result has no File, of Tracks it has what the index
// has, and it gives the samples as those of Open. Without a good index that is stored it is the result of Open.
func (l *Library) OpenIndex(id media.ID, path string) (*Recording, error) {
	stored, err := l.Indexes.Stored(id)
	if err != nil {
		return l.Open(id, path)
	}
	r := &Recording{ID: id, indexes: l.Indexes, index: stored.Index, stored: stored}
	if err = stored.LoadUpTo(tableLoadBytes); err == nil {
		r.index = stored.Index
		err = r.describeBy(func(uint32) (Track, bool) { return Track{}, true })
	}
	if err != nil {
		if err := r.Close(); err != nil {
			return nil, err
		}
		return l.Open(id, path)
	}
	return r, nil
}

// tableLoadBytes bounds an index that OpenIndex reads into memory. Five minutes of pictures and sound have 20 to 200 kB.
const tableLoadBytes = 512 << 10

func (l *Library) recording(f playback.File, id media.ID, path string, whole bool) (_ *Recording, err error) {
	r := &Recording{ID: id, File: f, indexes: l.Indexes}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.Close())
		}
	}()
	if err := l.Belongs(f.File, path, id); err != nil {
		return nil, err
	}
	if err := r.openIndex(false); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if whole {
		if err := r.load(); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	if err := r.describe(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// openIndex opens the sample index of a finished file, and builds that of a growing one in memory. With again,
// the stored index is damaged and is replaced.
func (r *Recording) openIndex(again bool) error {
	if r.File.Growing {
		of := index.Source{Recording: r.ID, Bytes: r.File.Size}
		text, err := sampleindex.Build(r.File, of)
		if err != nil {
			return err
		}
		r.index, err = index.OpenBytes(text)
		return err
	}
	if again {
		if err := r.indexes.Rebuild(r.File, r.ID); err != nil {
			return err
		}
	}
	stored, err := r.indexes.Open(r.File, r.ID)
	if err != nil {
		return err
	}
	r.index, r.stored = stored.Index, stored
	return nil
}

// load reads the whole index into memory.
func (r *Recording) load() error {
	if r.stored == nil {
		return nil
	}
	err := r.stored.Load()
	r.index = r.stored.Index
	return err
}

// Close closes the files of the recording.
func (r *Recording) Close() error {
	var err error
	if r.stored != nil {
		err = r.stored.Close()
	}
	if r.File.File != nil {
		err = errors.Join(err, r.File.Close())
	}
	return err
}
