package sampleindex

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/gospool/spool/pipeline/durable"
	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/pipeline/isobmff/index"
	"github.com/gospool/spool/pipeline/media"
)

// Directory is the directory of the indexes in a record directory.
const Directory = ".spool-index"

// shardDigits is the number of digits of an ID that name the subdirectory.
const shardDigits = 6

// Store accesses the indexes of one record directory. It is safe for concurrent use. Two
// concurrent writes of the same index may leave it damaged, which Open detects.
type Store struct {
	disk durable.FS
	own  filesystem.Own
	dir  string // of the indexes
}

// In returns the store of a record directory; it does no I/O.
func In(recordDir string) Store { return Of(filesystem.Own{Top: recordDir}) }

// Of returns the store of a record directory that may be open.
func Of(own filesystem.Own) Store {
	s := On(durable.Disk{Own: own}, own.Top)
	s.own = own
	return s
}

// On returns a store on another disk than the system's. Stored and Open use the system's only.
func On(disk durable.FS, recordDir string) Store {
	return Store{disk: disk, own: filesystem.Own{Top: recordDir}, dir: filepath.Join(recordDir, Directory)}
}

func (s Store) file(id media.ID) string {
	name := id.String()
	return filepath.Join(s.dir, name[:shardDigits], name)
}

// Write stores the index of a recording durably.
func (s Store) Write(id media.ID, text []byte) error {
	name := s.file(id)
	err := s.write(name, text)
	if errors.Is(err, fs.ErrNotExist) { // Remove deleted the empty directory meanwhile
		err = s.write(name, text)
	}
	return err
}

func (s Store) write(name string, text []byte) error {
	if err := durable.MkdirAll(s.disk, filepath.Dir(name), 0o700); err != nil {
		return err
	}
	return durable.Replace(s.disk, name, text, 0o600)
}

// Remove deletes the index of a deleted recording, and a temporary file that a crash left. It
// returns no error if they do not exist.
func (s Store) Remove(id media.ID) error {
	name := s.file(id)
	removed := false
	for _, name := range []string{name, name + durable.Unfinished} {
		err := s.disk.Remove(name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		removed = removed || err == nil
	}
	if removed {
		_ = s.disk.Remove(filepath.Dir(name)) // fails unless it is empty
	}
	return nil // an index that reappears after a power cut is an orphan: see Recordings
}

// Recordings returns recordings that have an index or a temporary file of one: at least most of
// them, if there are so many, from consecutive directories after a random one. It includes
// indexes that are being written.
func (s Store) Recordings(most int) (ids []media.ID, err error) {
	shards, err := s.disk.List(s.dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(shards) == 0 {
		return nil, nil
	}
	from := rand.IntN(max(len(shards), 1))
	for i := range shards {
		shard := shards[(from+i)%len(shards)]
		if len(ids) >= most {
			break
		}
		if !shard.IsDir() || len(shard.Name()) != shardDigits {
			continue
		}
		list, unread := s.disk.List(filepath.Join(s.dir, shard.Name()))
		err = errors.Join(err, unread)
		for _, e := range list {
			if id, no := media.ParseID(strings.TrimSuffix(e.Name(), durable.Unfinished)); no == nil {
				ids = append(ids, id)
			}
		}
	}
	return ids, err
}

// Stored is an open index.
type Stored struct {
	*index.Index
	Unkept error // why it is only in memory and will have to be rebuilt; nil: it is stored
	f      *os.File
}

// Close closes the index's file, if any.
func (s *Stored) Close() error {
	if s.f == nil {
		return nil
	}
	return s.f.Close()
}

// Stored opens the stored index of a recording, also if its footage is elsewhere. It returns
// fs.ErrNotExist if it does not exist, and index.ErrDamaged if it is unusable.
func (s Store) Stored(id media.ID) (*Stored, error) {
	f, err := s.own.Open(s.file(id), os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil {
		var x *index.Index
		if x, err = index.Open(f, info.Size()); err == nil && x.Source.Recording == id {
			return &Stored{Index: x, f: f}, nil
		}
		if err == nil {
			err = index.ErrDamaged
		}
	}
	return nil, errors.Join(err, f.Close())
}
