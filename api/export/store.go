package export

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gospool/spool/api/export/bundle"
	"github.com/gospool/spool/api/export/manifest"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/durable"
	"github.com/gospool/spool/pipeline/media"
)

// Dir is the directory of the exports below the record directory.
const Dir = ".spool-exports"

// Options holds what a store needs. All fields are required.
type Options struct {
	RecordDir string
	Source    bundle.Source
	Recorder  func() manifest.Recorder // is called for each export
	Limits    Limits
	// Room returns how many bytes may be written on the disk of the record directory. It is negative if the disk
	// is fuller than it should be.
	Room  func() (bytes int64, err error)
	Tasks *pipeline.Tasks
	Clock pipeline.Clock
	Log   *slog.Logger
}

// Limits bounds the exports. All are more than 0, except Keep.
type Limits struct {
	Count          int           // most exports at once, in all states
	Running        int           // most that are being made
	Keep           time.Duration // how long a finished or failed export is kept; 0 is for ever
	BytesPerSecond int64         // most bytes that all of them together write
}

// Store makes and keeps exports. It is safe for concurrent use.
type Store struct {
	o       Options
	disk    durable.Disk
	turns   chan struct{} // has a value for each export that is being made
	pace    pace
	changed chan struct{} // wakes the deletion of old exports

	keyed sync.Mutex    // guards the following field, and the making of the key's file
	key   *manifest.Key // nil until it was read or made

	mu   sync.Mutex        // guards the following field, and the exports in it
	jobs map[media.ID]*job // all exports
}

// job is an export of a store, whose mutex guards it.
type job struct {
	Export
	left int64  // bytes that it will still write
	stop func() // ends its task and waits; nil for an export of an earlier run
}

// New returns a store without exports: see Load.
func New(o Options) *Store {
	return &Store{
		o: o, disk: durable.Below(o.RecordDir), turns: make(chan struct{}, o.Limits.Running),
		pace: pace{clock: o.Clock, perSecond: o.Limits.BytesPerSecond}, changed: make(chan struct{}, 1), jobs: map[media.ID]*job{},
	}
}

func (s *Store) dir() string { return filepath.Join(s.o.RecordDir, Dir) }

// Formats lists the formats that can be exported, the default first.
func (s *Store) Formats() []bundle.Format { return s.o.Source.Formats() }

// Create begins an export in the background. The error is an *Error, or one of the disk or of the source.
func (s *Store) Create(ctx context.Context, r bundle.Request) (Export, error) {
	now := s.o.Clock.Now()
	if err := r.Check(s.o.Source.Formats(), now); err != nil {
		return Export{}, &Error{Kind: Invalid, Text: err.Error()}
	}
	r.Streams = slices.Clone(r.Streams)
	b, err := bundle.Open(ctx, s.o.Source, r)
	if err != nil {
		return Export{}, forClient(err)
	}
	total, all := b.MediaBytes(), b.MediaBytes()+b.OtherBytes()
	if err := b.Close(); err != nil { // it may wait for its turn for long
		return Export{}, err
	}
	j := &job{Export: Export{ID: media.NewID(now), Request: r, State: Waiting, TotalBytes: total, Created: now.UTC().Round(0)}, left: all}
	room, err := s.o.Room()
	if err != nil {
		return Export{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.admit(j, room); err != nil {
		return Export{}, err
	}
	begun := j.Export
	j.stop = s.o.Tasks.Go("export "+j.ID.String(), func(ctx context.Context) error { s.run(ctx, j); return nil })
	return begun, nil
}

// forClient returns an *Error for an error of a source that the client should see.
func forClient(err error) error {
	var refused *bundle.RefusedError
	switch {
	case errors.Is(err, bundle.ErrNoFootage):
		return &Error{Kind: Unknown, Text: err.Error(), Err: err}
	case errors.As(err, &refused):
		return &Error{Kind: Invalid, Text: err.Error(), Err: err}
	}
	return err
}

// admit adds an export to s.jobs unless there are too many, or the disk has no room for it. The caller holds s.mu.
func (s *Store) admit(j *job, room int64) error {
	if len(s.jobs) >= s.o.Limits.Count {
		return &Error{Kind: Full, Text: fmt.Sprintf("there are %d exports, the most that are kept: delete some first", len(s.jobs))}
	}
	for _, other := range s.jobs {
		room -= other.left
	}
	if j.left > room {
		return &Error{Kind: NoRoom, Text: fmt.Sprintf("the export needs %d bytes, and the disk has room for %d: delete exports, or choose a shorter span", j.left, max(room, 0))}
	}
	s.jobs[j.ID] = j
	return nil
}

// Get returns the export with an ID. The error is Unknown.
func (s *Store) Get(id media.ID) (Export, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if j := s.jobs[id]; j != nil {
		return j.Export, nil
	}
	return Export{}, &Error{Kind: Unknown, Text: fmt.Sprintf("there is no export %s", id)}
}

// List returns all exports, the newest first.
func (s *Store) List() []Export {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Export, 0, len(s.jobs))
	for _, j := range s.jobs {
		list = append(list, j.Export)
	}
	slices.SortFunc(list, func(a, b Export) int { return strings.Compare(b.ID.String(), a.ID.String()) })
	return list
}

// Delete cancels an export that is being made, or deletes its files. It returns the export as it was.
func (s *Store) Delete(id media.ID) (Export, error) {
	was, err := s.Get(id)
	if err != nil {
		return was, err
	}
	s.mu.Lock()
	stop := func() {}
	if j := s.jobs[id]; j != nil && j.stop != nil {
		stop = j.stop
	}
	s.mu.Unlock()
	stop() // waits until the task has removed what it has made
	if err := s.remove(id.String()); err != nil {
		return was, err
	}
	s.mu.Lock()
	delete(s.jobs, id)
	s.mu.Unlock()
	return was, nil
}

// Open opens a file of a finished export for reading. The caller closes it. The error is Unknown if the export has
// no such file.
func (s *Store) Open(id media.ID, name string) (*os.File, error) {
	e, err := s.Get(id)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(e.Files, func(f bundle.Written) bool { return f.Name == name }) {
		if e.State != Finished {
			return nil, &Error{Kind: Unknown, Text: fmt.Sprintf("export %s is %s: it has no files yet", id, e.State)}
		}
		return nil, &Error{Kind: Unknown, Text: fmt.Sprintf("export %s has no file %.100q", id, name)}
	}
	return s.disk.Own.Open(filepath.Join(s.dir(), id.String(), name), os.O_RDONLY, 0)
}

// Key returns the recorder's key. The first call makes it.
func (s *Store) Key() (manifest.Key, error) {
	s.keyed.Lock()
	defer s.keyed.Unlock()
	if s.key != nil {
		return *s.key, nil
	}
	key, err := manifest.LoadKey(s.disk, filepath.Join(s.o.RecordDir, manifest.KeyFile))
	if err == nil {
		s.key = &key
	}
	return key, err
}

// PublicKey returns the public part of the recorder's key. known is false before the first export has made it.
func (s *Store) PublicKey() (key manifest.PublicKey, known bool) {
	if _, err := s.disk.Stat(filepath.Join(s.o.RecordDir, manifest.KeyFile)); err != nil {
		return nil, false
	}
	own, err := s.Key()
	if err != nil {
		return nil, false
	}
	return own.Public(), true
}
