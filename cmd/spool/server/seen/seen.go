// Package seen remembers the streams that a recorder has seen, so that a camera that went
// away stays listed until it is forgotten on purpose. They outlast a restart in a file of
// the record directory.
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

// Most is how many streams are remembered; for a further one the one goes that was
// seen the longest ago. So who may publish fills neither the memory nor the page.
const Most = 1000

// lookEvery is how long a stream that is there and was forgotten goes unnoticed. The file
// is written for each new stream, and at the end: after a crash the times in it are older.
const lookEvery = 10 * time.Second

// Streams are those that were seen.
type Streams struct {
	file string
	disk durable.FS
	log  *slog.Logger
	live func() []media.StreamInfo

	writing sync.Mutex // the file; before mu

	mu      sync.Mutex           // guards what follows
	last    map[string]time.Time // when a stream was last seen, by its path: of one that left, its last access unit
	away    map[string]time.Time // since when no media comes of those that have left in this run, by the process's clock
	changed bool                 // what is listed, since it was written
}

// Open reads the streams of an earlier run. One that cannot be read, or that another user
// can have written, is as none: that is logged, but for what is so of the whole directory. live lists the streams that are there.
func Open(dir string, live func() []media.StreamInfo, log *slog.Logger) *Streams {
	s := &Streams{file: filepath.Join(dir, ".spool-streams.json"), disk: durable.Below(dir), log: log, live: live, last: map[string]time.Time{}, away: map[string]time.Time{}}
	text, err := s.disk.ReadOurs(s.file)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, filesystem.ErrNotOurs) && filesystem.NothingPutBack(dir) != nil {
		return s // the start tells of all that is kept in such a directory
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

// Run looks which streams are there and keeps that, until the context ends.
func (s *Streams) Run(ctx context.Context, clock pipeline.Clock) error {
	for {
		s.look(clock.Now())
		s.write()
		if !pipeline.Sleep(ctx, clock, lookEvery, nil) {
			break
		}
	}
	s.mu.Lock()
	s.changed = true // the times are
	s.mu.Unlock()
	s.write()
	return nil
}

// Saw tells that a stream is there at a time.
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

// Left tells that a stream has left, of which no media comes since a moment. last is the
// time of its last access unit; zero: it sent none.
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

// Away returns since when no media comes of a stream that has left in this run; false
// where it is there, was not in this run, or is forgotten.
func (s *Streams) Away(path string) (since time.Time, away bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	since, away = s.away[path]
	return since, away
}

// saw is for a caller that holds s.mu.
func (s *Streams) saw(path string, at time.Time) {
	if _, known := s.last[path]; !known {
		s.changed = true
	}
	s.last[path] = at.Round(0).UTC()
	delete(s.away, path)
}

// bound forgets those that are too many. The caller holds s.mu.
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

// Remembered lists the streams that were seen, by path; those that are there now are
// among them. LastAccessUnit is as it was known last.
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

// Forget forgets a stream, and reports whether it was remembered. One that is there is seen
// again at once.
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

// write keeps what is listed. No lock that others wait for is held meanwhile: a disk may hang.
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
		s.log.Debug("the streams that were seen are not kept", "error", err) // disks that take nothing are told of elsewhere
		s.mu.Lock()
		s.changed = true
		s.mu.Unlock()
	}
}
