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

// Directory is where the indexes of a record directory are.
const Directory = ".spool-index"

// shardDigits of an ID name the directory within it.
const shardDigits = 6

// Store is the indexes of one record directory. It is safe for concurrent use. Two that
// write one index at once may leave it damaged, which Open sees.
type Store struct {
	disk durable.FS
	own  filesystem.Own
	dir  string // of the indexes
}

// In is the store of a record directory; it does no I/O.
func In(recordDir string) Store { return Of(filesystem.Own{Top: recordDir}) }

// Of is In of a record directory that may be open.
func Of(own filesystem.Own) Store {
	s := On(durable.Disk{Own: own}, own.Top)
	s.own = own
	return s
}

// On is In on another disk than the system's. Stored and Open read the system's only.
func On(disk durable.FS, recordDir string) Store {
	return Store{disk: disk, own: filesystem.Own{Top: recordDir}, dir: filepath.Join(recordDir, Directory)}
}

func (s Store) file(id media.ID) string {
	name := id.String()
	return filepath.Join(s.dir, name[:shardDigits], name)
}

// Write keeps the index of a recording, for good when it returns.
func (s Store) Write(id media.ID, text []byte) error {
	name := s.file(id)
	err := s.write(name, text)
	if errors.Is(err, fs.ErrNotExist) { // Remove took the directory, which was empty
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

// Remove removes the index of a recording that is deleted, and what a crash left of one. It
// is no error that there is none.
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
		_ = s.disk.Remove(filepath.Dir(name)) // where it was the last one in it
	}
	return nil // one that a power cut brings back is an orphan: see Recordings
}

// Recordings lists some that have an index, or what a crash left of one: no fewer than most,
// where there are so many, of directories that follow a random one. An index that is being
// written is among them.
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

// Stored is an index that is open.
type Stored struct {
	*index.Index
	Unkept error // why it is in memory and will have to be made again; nil: it is kept
	f      *os.File
}

// Close closes it.
func (s *Stored) Close() error {
	if s.f == nil {
		return nil
	}
	return s.f.Close()
}

// Stored opens the index of a recording as it is kept: for footage that is not here. It is
// fs.ErrNotExist where there is none, index.ErrDamaged where it is of no use.
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
