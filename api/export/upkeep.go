package export

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
)

// Load lists the finished exports of earlier runs, and removes what a crash has left of others. It is called once,
// before the store is used.
func (s *Store) Load() {
	entries, err := s.disk.List(s.dir())
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		s.o.Log.Warn("the exports cannot be listed", "error", err)
		return
	}
	for _, entry := range entries {
		name := entry.Name()
		if base, is := strings.CutSuffix(name, unfinished); is {
			if _, err := media.ParseID(base); err == nil {
				s.removeLeft(name)
			}
			continue
		}
		id, err := media.ParseID(name)
		if err != nil || !entry.IsDir() {
			continue // not an export: spool leaves it alone
		}
		e, err := s.read(id)
		if err != nil {
			s.o.Log.Warn("an export cannot be read: it is not listed, and its directory stays", "export", id, "error", err)
			continue
		}
		s.jobs[id] = &job{Export: e}
	}
}

func (s *Store) removeLeft(name string) {
	if err := s.remove(name); err != nil {
		s.o.Log.Warn("what a crash left of an export cannot be removed", "directory", filepath.Join(Dir, name), "error", err)
		return
	}
	s.o.Log.Info("removed what a crash left of an export", "directory", filepath.Join(Dir, name))
}

// maxRecordBytes bounds the description of an export.
const maxRecordBytes = 1 << 20

func (s *Store) read(id media.ID) (Export, error) {
	text, err := s.disk.Own.ReadOurs(filepath.Join(s.dir(), id.String(), recordName), maxRecordBytes)
	if err != nil {
		return Export{}, err
	}
	return decode(id, text)
}

// wake lets Run look for old exports.
func (s *Store) wake() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// mostSleep is the longest time until Run looks again: the wall clock may be set.
const mostSleep = time.Hour

// Run deletes exports that are older than Limits.Keep, until ctx ends.
func (s *Store) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		pipeline.Sleep(ctx, s.o.Clock, s.expire(), s.changed)
	}
	return nil
}

// expire deletes the exports that are too old, and returns the time until the next one is.
func (s *Store) expire() time.Duration {
	next, now := mostSleep, s.o.Clock.Now().Round(0)
	if s.o.Limits.Keep == 0 {
		return next
	}
	for _, e := range s.List() {
		at := s.Expires(&e)
		switch left := at.Sub(now); {
		case at.IsZero():
		case left > 0:
			next = min(next, left)
		default:
			if _, err := s.Delete(e.ID); err != nil {
				s.o.Log.Warn("an old export cannot be deleted", "export", e.ID, "error", err)
				continue
			}
			s.o.Log.Info("old export deleted", "export", e.ID, "name", e.Request.Name)
		}
	}
	return next
}

// Expires returns when an export will be deleted for its age; the zero time: not, or not known yet.
func (s *Store) Expires(e *Export) time.Time {
	if s.o.Limits.Keep == 0 || e.Finished.IsZero() {
		return time.Time{}
	}
	return e.Finished.Add(s.o.Limits.Keep)
}
