// Package seen remembers the streams that have had a publisher, so that a camera that has left stays in
// the list of streams, as offline, until a client deletes it from the list. A file in the record
// directory keeps the list across restarts.
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

// Most is the largest number of remembered streams. Beyond it, the streams whose last access unit is
// the oldest are forgotten, so that publishers under many paths fill neither the memory nor the web
// page.
const Most = 1000

// lookEvery is the interval at which the list gets the live streams with the times of their last access
// units. The file is written only if the set of streams has changed, and when the recorder stops: after
// a crash the times in it are older.
const lookEvery = 10 * time.Second

// Streams is the list of the streams that have had a publisher. It is safe for concurrent use.
type Streams struct {
	file string // path of the file that keeps the list
	disk durable.FS
	log  *slog.Logger
	live func() []media.StreamInfo // lists the streams of the hub

	writing sync.Mutex // serialises writes of the file; locked before mu

	mu      sync.Mutex           // guards the fields below
	last    map[string]time.Time // by path: time of the last access unit, or when the stream was last known to be live
	away    map[string]time.Time // by path, of streams that left in this run: time since which no media comes
	changed bool                 // the list in memory differs from the file
}

// Open returns the list of an earlier run, from its file in the record directory dir. live lists the streams of
// the hub. Open ignores a file that cannot be read or that another user may have written, and logs this, unless
// the start of spool ignores all state in the directory: then the start logs it.
func Open(dir string, live func() []media.StreamInfo, log *slog.Logger) *Streams {
	s := &Streams{file: filepath.Join(dir, ".spool-streams.json"), disk: durable.Below(dir), log: log, live: live, last: map[string]time.Time{}, away: map[string]time.Time{}}
	text, err := s.disk.ReadOurs(s.file)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, filesystem.ErrNotOurs) && filesystem.NothingPutBack(dir) != nil {
		return s // there is no file, or the start logs that it ignores all state in the directory
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

// Run updates the list from the live streams every lookEvery, and writes the file when the set of streams has
// changed. When the context ends, it writes the file a last time and returns nil.
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

// Saw records that a stream has a publisher at the time at. It adds the stream to the list if needed.
func (s *Streams) Saw(path string, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.saw(path, at)
	s.bound()
}

// look adds the live streams to the list with the times of their last access units. A stream without an
// access unit gets the time now.
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

// Left records that the publisher of a stream has left. since is the time since which no media comes. last is
// the time of the last access unit; if the publisher sent none, last is zero and since counts instead.
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

// Away returns the time since which a stream that left in this run sends no media. It returns false if
// the stream has a publisher, had none in this run, or is forgotten.
func (s *Streams) Away(path string) (since time.Time, away bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	since, away = s.away[path]
	return since, away
}

// saw sets the time of a stream to at, at which its last access unit came or it was live, and adds the stream
// to the list if needed. The stream then no longer counts as left: see Away. The caller holds s.mu.
func (s *Streams) saw(path string, at time.Time) {
	if _, known := s.last[path]; !known {
		s.changed = true
	}
	s.last[path] = at.Round(0).UTC()
	delete(s.away, path)
}

// bound forgets the streams beyond Most whose last access units are the oldest. The caller holds s.mu.
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

// Remembered lists the remembered streams sorted by path, including those that are live now. Each has
// the state offline, and as LastAccessUnit the last known time.
func (s *Streams) Remembered() []media.StreamInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.list()
}

// list returns the list sorted by path. The caller holds s.mu.
func (s *Streams) list() []media.StreamInfo {
	out := make([]media.StreamInfo, 0, len(s.last))
	for path, at := range s.last {
		out = append(out, media.StreamInfo{Path: path, State: "offline", LastAccessUnit: at})
	}
	slices.SortFunc(out, func(a, b media.StreamInfo) int { return strings.Compare(a.Path, b.Path) })
	return out
}

// Seen reports whether a stream is in the list.
func (s *Streams) Seen(path string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, is := s.last[path]
	return is
}

// Forget deletes a stream from the list and reports whether it was there. A live stream is in the list
// again after at most lookEvery.
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

// write writes the list of remembered streams to s.file if s.changed is set. After an error it sets s.changed
// again, so that the next call retries. It does not hold s.mu while it writes, because a disk may hang.
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
