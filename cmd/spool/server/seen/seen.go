// Package seen remembers the streams that a recorder has seen, so that a camera that has left
// stays listed until a client deletes it from the list. A file in the record directory keeps the
// list across restarts.
package seen

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/durable"
	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/streampath"
)

// Most limits the number of remembered streams. Beyond it the stream that was seen the longest
// ago is dropped, so that publishers of many names fill neither the memory nor the page.
const Most = 1000

// lookEvery is the interval at which present streams are recorded as seen, also those that were
// forgotten meanwhile. The file is written for each new stream and at the end: after a crash its
// times are older.
const lookEvery = 10 * time.Second

// Streams holds the streams that a recorder has seen. It is safe for concurrent use.
type Streams struct {
	file string
	disk durable.FS
	log  *slog.Logger
	live func() []media.StreamInfo

	writing sync.Mutex // serialises writes of the file; locked before mu

	mu      sync.Mutex           // guards the fields below
	last    map[string]time.Time // by path: last seen; for a stream that has left, its last access unit
	away    map[string]time.Time // by path: since when a stream that left in this run sends no media
	changed bool                 // the set of streams differs from the file
}

// Open reads the streams of an earlier run. It logs and ignores a file that cannot be read or
// that another user may have written. It logs nothing if a start ignores all state in the
// directory. live returns the present streams.
func Open(dir string, live func() []media.StreamInfo, log *slog.Logger) *Streams {
	s := &Streams{file: filepath.Join(dir, ".spool-streams.json"), disk: durable.Below(dir), log: log, live: live, last: map[string]time.Time{}, away: map[string]time.Time{}}
	text, err := s.disk.ReadOurs(s.file)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, filesystem.ErrNotOurs) && filesystem.NothingPutBack(dir) != nil {
		return s // the start logs that it ignores all state of such a directory
	}
	kept := map[string]time.Time{}
	if err == nil {
		err = json.Unmarshal(text, &kept)
	}
	if err != nil {
		log.Warn("streams of before are not listed as offline", "error", err)
		return s
	}
	for path, at := range kept {
		if streampath.Check(path) == nil {
			s.last[path] = at
		}
	}
	s.bound()
	return s
}

// Run records the present streams as seen every lookEvery until the context ends, and writes the
// file.
func (s *Streams) Run(ctx context.Context, clock pipeline.Clock) error {
	for {
		s.look(clock.Now())
		s.write()
		if !pipeline.Sleep(ctx, clock, lookEvery, nil) {
			break
		}
	}
	s.mu.Lock()
	s.changed = true // the times of known streams have changed
	s.mu.Unlock()
	s.write()
	return nil
}

// Saw records that a stream is present at a time.
func (s *Streams) Saw(path string, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.saw(path, at)
	s.bound()
}

func (s *Streams) look(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range s.live() {
		if st.State == "live" {
			at := st.LastAccessUnit
			if at.IsZero() {
				at = now
			}
			s.saw(st.Path, at)
		}
	}
	s.bound()
}

// Left records that a stream has left and sends no media since a moment. last is the time of its
// last access unit; zero if it sent none.
func (s *Streams) Left(path string, last, since time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last.IsZero() {
		last = since
	}
	s.saw(path, last)
	s.away[path] = since
	s.bound()
}

// Away returns since when a stream that left in this run sends no media. It returns false if the
// stream is present, was not seen in this run, or is forgotten.
func (s *Streams) Away(path string) (since time.Time, away bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	since, away = s.away[path]
	return since, away
}

// saw records a stream as present. The caller holds s.mu.
func (s *Streams) saw(path string, at time.Time) {
	if _, known := s.last[path]; !known {
		s.changed = true
	}
	s.last[path] = at.Round(0).UTC()
	delete(s.away, path)
}

// bound drops the streams beyond Most. The caller holds s.mu.
func (s *Streams) bound() {
	if len(s.last) <= Most {
		return
	}
	all := s.list()
	slices.SortFunc(all, func(a, b media.StreamInfo) int { return b.LastAccessUnit.Compare(a.LastAccessUnit) })
	for _, st := range all[Most:] {
		delete(s.last, st.Path)
		delete(s.away, st.Path)
		s.changed = true
	}
}

// Remembered lists the remembered streams by path, including the present ones. LastAccessUnit is
// the last known time.
func (s *Streams) Remembered() []media.StreamInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.list()
}

func (s *Streams) list() []media.StreamInfo {
	out := make([]media.StreamInfo, 0, len(s.last))
	for path, at := range s.last {
		out = append(out, media.StreamInfo{Path: path, State: "offline", LastAccessUnit: at})
	}
	slices.SortFunc(out, func(a, b media.StreamInfo) int { return strings.Compare(a.Path, b.Path) })
	return out
}

// Seen reports whether a stream is remembered.
func (s *Streams) Seen(path string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, is := s.last[path]
	return is
}

// Forget deletes a stream from the list and reports whether it was there. A present stream is
// soon listed again.
func (s *Streams) Forget(path string) bool {
	s.mu.Lock()
	_, was := s.last[path]
	delete(s.last, path)
	delete(s.away, path)
	s.changed = s.changed || was
	s.mu.Unlock()
	if was {
		s.write()
	}
	return was
}

// write writes the list to the file if it has changed. It does not hold s.mu during the write: a
// disk may hang.
func (s *Streams) write() {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.mu.Lock()
	changed := s.changed
	s.changed = false
	text, err := json.Marshal(s.last)
	s.mu.Unlock()
	if !changed {
		return
	}
	if err == nil {
		err = durable.Replace(s.disk, s.file, append(text, '\n'), 0o600)
	}
	if err != nil {
		s.log.Debug("the streams that were seen are not kept", "error", err) // health reports a disk that accepts no files
		s.mu.Lock()
		s.changed = true
		s.mu.Unlock()
	}
}
