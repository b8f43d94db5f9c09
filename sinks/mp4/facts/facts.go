package facts

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/gospool/spool/pipeline/durable"
	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/pipeline/media"
)

// Directory is the name of the directory in a record directory that holds the facts.
const Directory = ".spool-facts"

const lockFile = "lock"

// ErrDamaged reports that a recording's facts exist but do not match their checksum or format.
var ErrDamaged = errors.New("the recording's facts are damaged")

// Facts holds the changes of one recording: see the package comment. The zero value holds none.
type Facts struct {
	Protected *bool         `json:"protected,omitempty"` // nil: as in the catalogue entry of the MP4 file
	Events    []media.Event `json:"events,omitempty"`    // events that the entry lacks, or has with other data
}

// None reports whether there are no facts.
func (f Facts) None() bool { return f.Protected == nil && len(f.Events) == 0 }

// Apply applies the facts to a recording that was read from the catalogue entry of its file.
func (f Facts) Apply(r *media.Recording) {
	if f.Protected != nil {
		r.Protected = *f.Protected
	}
	for _, e := range f.Events {
		r.Events = media.JoinEvent(r.Events, e)
	}
}

// Store accesses the facts of one record directory. It is safe for concurrent use by several
// goroutines and processes.
type Store struct {
	disk durable.FS
	dir  string // directory of the facts
	own  filesystem.Own
	lock func(own filesystem.Own, name string) (unlock func(), err error)
}

// In returns the store of a record directory. It does no I/O.
func In(recordDir string) Store { return on(durable.Below(recordDir), recordDir, flock) }

func on(disk durable.FS, recordDir string, lock func(filesystem.Own, string) (func(), error)) Store {
	return Store{disk: disk, dir: filepath.Join(recordDir, Directory), own: filesystem.Own{Top: recordDir}, lock: lock}
}

func (s Store) file(id media.ID) string { return filepath.Join(s.dir, id.String()) }

// Read returns the facts of a recording, the zero value if it has none. Together with an error it
// returns facts that protect the recording, because the facts that it could not read may protect it.
// The error is ErrDamaged if the facts cannot be decoded; any other error comes from the disk.
func (s Store) Read(id media.ID) (Facts, error) {
	b, err := s.disk.Read(s.file(id))
	if errors.Is(err, fs.ErrNotExist) {
		return Facts{}, nil
	}
	var f Facts
	if err == nil {
		f, err = decode(b)
	}
	if err != nil {
		protected := true
		return Facts{Protected: &protected}, fmt.Errorf("%s: %w", s.file(id), err)
	}
	return f, nil
}

// Change calls change with the facts of a recording, stores the changed facts, and returns when
// they are durable. It stores nothing if the facts stay the same. If change returns an error, Change
// stores nothing and returns that error. If the stored facts are damaged, change gets facts that
// only protect the recording, and Change stores them even if change does not change them.
func (s Store) Change(id media.ID, change func(*Facts) error) error {
	if err := durable.MkdirAll(s.disk, s.dir, 0o700); err != nil {
		return err
	}
	unlock, err := s.lock(s.own, filepath.Join(s.dir, lockFile))
	if err != nil {
		return err
	}
	defer unlock()
	f, err := s.Read(id)
	damaged := errors.Is(err, ErrDamaged)
	if err != nil && !damaged {
		return err
	}
	before, err := encode(f)
	if err == nil {
		err = change(&f)
	}
	if err != nil {
		return err
	}
	after, err := encode(f)
	if err != nil {
		return err
	}
	if bytes.Equal(before, after) && !damaged {
		return nil
	}
	return durable.Replace(s.disk, s.file(id), after, 0o600)
}

// Remove deletes the facts of a recording durably. It returns no error if there are none.
func (s Store) Remove(id media.ID) error {
	err := s.disk.Remove(s.file(id))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	}
	return s.disk.SyncDir(s.dir)
}

// Recordings returns the IDs of the recordings that have facts, including damaged ones. It also
// removes temporary files that a crash left.
func (s Store) Recordings() (ids []media.ID, err error) {
	list, err := s.disk.List(s.dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(list) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	unlock, err := s.lock(s.own, filepath.Join(s.dir, lockFile))
	if err != nil {
		return nil, err
	}
	defer unlock()
	for _, e := range list {
		if id, err := media.ParseID(e.Name()); err == nil {
			ids = append(ids, id)
			continue
		}
		if id, is := strings.CutSuffix(e.Name(), durable.Unfinished); is {
			if _, err := media.ParseID(id); err == nil {
				_ = s.disk.Remove(filepath.Join(s.dir, e.Name()))
			}
		}
	}
	return ids, nil
}

// Damaged returns the IDs of the recordings whose facts are damaged: these recordings count as
// protected, and the events in their facts are lost. It reads all facts. If the disk fails to
// read some, it continues and returns the errors joined.
func (s Store) Damaged() (ids []media.ID, err error) {
	all, err := s.Recordings()
	for _, id := range all {
		switch _, unread := s.Read(id); {
		case errors.Is(unread, ErrDamaged):
			ids = append(ids, id)
		case unread != nil:
			err = errors.Join(err, unread)
		}
	}
	return ids, err
}

const magic = "spool-facts-1"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func encode(f Facts) ([]byte, error) {
	text, err := json.Marshal(f)
	if err != nil {
		return nil, fmt.Errorf("facts: %w", err)
	}
	return append(fmt.Appendf(nil, "%s %08x %d\n", magic, crc32.Checksum(text, castagnoli), len(text)), text...), nil
}

func decode(b []byte) (f Facts, err error) {
	head, text, _ := bytes.Cut(b, []byte("\n"))
	var sum uint32
	var n int
	if _, err := fmt.Sscanf(string(head), magic+" %08x %d", &sum, &n); err != nil {
		return f, fmt.Errorf("%w: its first line is %.40q", ErrDamaged, head)
	}
	if n != len(text) || sum != crc32.Checksum(text, castagnoli) {
		return f, fmt.Errorf("%w: it does not match its checksum", ErrDamaged)
	}
	if err := json.Unmarshal(text, &f); err != nil {
		return Facts{}, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	f.Events = f.Events[:media.Namable(f.Events)]
	return f, nil
}
