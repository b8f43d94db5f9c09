package sampleindex

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/gospool/spool/pipeline/durable"
	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/pipeline/isobmff/index"
	"github.com/gospool/spool/pipeline/media"
)

// Directory is the name of the directory in a record directory that holds the indexes.
const Directory = ".spool-index"

// shardDigits is the number of first digits of a recording's ID that name the subdirectory of its
// index.
const shardDigits = 6

// Store accesses the indexes of one record directory. It is safe for concurrent use. Two processes
// that write the same index at one time may leave it damaged, which Open detects.
type Store struct {
	disk durable.FS
	own  filesystem.Own
	dir  string // directory of the indexes
}

// In returns the store of a record directory, given by its path. It does no I/O.
func In(recordDir string) Store { return Of(filesystem.Own{Top: recordDir}) }

// Of returns the store of the record directory own.Top, which may be open (own.Dir).
func Of(own filesystem.Own) Store {
	s := On(durable.Disk{Own: own}, own.Top)
	s.own = own
	return s
}

// On returns a store of a record directory on the given file system, for tests. Its methods
// Stored and Open still read from the operating system's file system.
func On(disk durable.FS, recordDir string) Store {
	return Store{disk: disk, own: filesystem.Own{Top: recordDir}, dir: filepath.Join(recordDir, Directory)}
}

// Unsynced returns the same store without syncs: after a power cut, an index that Write stored may be missing or
// damaged, which Open detects.
func (s Store) Unsynced() Store {
	s.disk = durable.Unsynced(s.disk)
	return s
}

func (s Store) file(id media.ID) string {
	name := id.String()
	return filepath.Join(s.dir, name[:shardDigits], name)
}

// turns are for the writes of one index in this process: a viewer builds the index of a file that the recorder has just finished, and
// both store it. Other indexes share a turn.
var turns [64]sync.Mutex

// Write stores the encoded index of a recording, durably unless the store is Unsynced, and replaces an existing one.
func (s Store) Write(id media.ID, text []byte) error {
	turn := &turns[int(id[len(id)-1])%len(turns)]
	turn.Lock()
	defer turn.Unlock()
	name := s.file(id)
	err := s.write(name, text)
	if errors.Is(err, fs.ErrNotExist) { // Remove of another recording may have deleted the empty directory
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

// Remove deletes the index of a recording, and the temporary file of an index that a crash left.
// It returns no error if they do not exist.
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
	return nil // no sync: an index that a power cut brings back is an orphan, which Recordings finds
}

// Recordings returns the IDs of recordings that have an index, or a temporary file of an index. It
// reads subdirectories in order, from a random one on, until it has at least most IDs or has read
// all: so repeated calls find each index in the end. An index of the result may still be being
// written.
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

// Stored is an open index of a recording.
type Stored struct {
	*index.Index
	Unkept error    // error of storing the index, which is in memory only; nil: it is stored
	f      *os.File // nil for an index in memory
}

// maxLoadBytes bounds the length of an index that Load reads into memory.
const maxLoadBytes = 8 << 20

// Load reads the whole index into memory, unless it is longer than 8 MiB. A caller that reads all samples calls it
// first: otherwise each block is read by two reads of the file. It replaces s.Index.
func (s *Stored) Load() error { return s.LoadUpTo(maxLoadBytes) }

// LoadUpTo is Load with another limit, in bytes.
func (s *Stored) LoadUpTo(most int64) error {
	if s.f == nil {
		return nil
	}
	info, err := s.f.Stat()
	if err != nil || info.Size() > most {
		return err
	}
	text := make([]byte, info.Size())
	if n, err := s.f.ReadAt(text, 0); n < len(text) {
		return err
	}
	x, err := index.OpenBytes(text)
	if err == nil {
		s.Index = x
	}
	return err
}

// Close closes the file of the index. For an index in memory it does nothing.
func (s *Stored) Close() error {
	if s.f == nil {
		return nil
	}
	return s.f.Close()
}

// Stored opens the stored index of a recording without its MP4 file, which may be at another
// location. It returns fs.ErrNotExist if there is no index, and index.ErrDamaged if it is
// unusable. The caller must close the result.
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
