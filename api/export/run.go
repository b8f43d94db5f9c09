package export

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/gospool/spool/api/export/bundle"
	"github.com/gospool/spool/pipeline/durable"
)

// unfinished ends the name of the directory of an export that is being made.
const unfinished = ".unfinished"

// run makes an export, which is in s.jobs. It leaves no files of an export that has failed or was cancelled.
func (s *Store) run(ctx context.Context, j *job) {
	select {
	case s.turns <- struct{}{}:
		defer func() { <-s.turns }()
	case <-ctx.Done():
		return
	}
	s.set(func() { j.State = Running })
	files, err := s.make(ctx, j)
	now := s.o.Clock.Now().UTC().Round(0)
	if err == nil {
		done := j.Export
		done.State, done.Finished, done.Files, done.TotalBytes = Finished, now, files, j.Bytes
		if err = s.publish(done); err == nil {
			s.set(func() { j.Export, j.left = done, 0 })
			s.o.Log.Info("export finished", "export", j.ID, "name", j.Request.Name, "bytes", j.TotalBytes)
			s.wake()
			return
		}
	}
	if removal := s.remove(j.ID.String() + unfinished); removal != nil {
		s.o.Log.Warn("what was made of an export cannot be removed", "export", j.ID, "error", removal)
	}
	s.set(func() { j.State, j.Err, j.Finished, j.left = Failed, forClient(err), now, 0 })
	if ctx.Err() == nil {
		s.o.Log.Warn("export failed", "export", j.ID, "name", j.Request.Name, "error", err)
	}
	s.wake()
}

// set changes an export.
func (s *Store) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// make writes the files of an export to its unfinished directory. They are durable when it returns.
func (s *Store) make(ctx context.Context, j *job) ([]bundle.Written, error) {
	key, err := s.Key()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(s.dir(), j.ID.String()+unfinished)
	if err := durable.MkdirAll(s.disk, dir, 0o700); err != nil {
		return nil, err
	}
	b, err := bundle.Open(ctx, s.o.Source, j.Request)
	if err != nil {
		return nil, err
	}
	total := b.MediaBytes()
	s.set(func() { j.TotalBytes, j.left = total, total+b.OtherBytes() })
	files, err := b.Write(ctx, &target{s, ctx, dir}, bundle.Maker{Recorder: s.o.Recorder(), Key: key}, j.Created, func(n int) {
		s.set(func() { j.Bytes += int64(n); j.left = max(j.left-int64(n), 0) })
	})
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return files, errors.Join(err, b.Close())
}

// target makes files in the directory of an export.
type target struct {
	store *Store
	ctx   context.Context
	dir   string
}

// Create implements bundle.Target.
func (t *target) Create(name string) (io.WriteCloser, error) {
	f, err := t.store.disk.Create(filepath.Join(t.dir, name), 0o600)
	if err != nil {
		return nil, err
	}
	return &pacedFile{file: f, ctx: t.ctx, pace: &t.store.pace, room: t.store.room}, nil
}

// room returns an error if the disk has become too full to go on.
func (s *Store) room() error {
	room, err := s.o.Room()
	if err == nil && room < 0 {
		err = &Error{Kind: NoRoom, Text: "the disk has become too full for the export"}
	}
	return err
}

// publish stores the description of an export and gives its directory the final name. The export is durable when it
// returns.
func (s *Store) publish(e Export) error {
	dir := filepath.Join(s.dir(), e.ID.String())
	text, err := encode(e)
	if err == nil {
		err = durable.Replace(s.disk, filepath.Join(dir+unfinished, recordName), text, 0o600)
	}
	if err == nil {
		err = s.disk.Rename(dir+unfinished, dir)
	}
	if err == nil {
		err = s.disk.SyncDir(s.dir())
	}
	if err != nil {
		return fmt.Errorf("finishing: %w", err)
	}
	return nil
}

// remove deletes a directory of an export with its files. It returns nil if there is none. A finished export is
// renamed first, so that a crash leaves no part of it that counts as finished.
func (s *Store) remove(name string) error {
	dir := filepath.Join(s.dir(), name)
	if filepath.Ext(dir) != unfinished {
		switch err := s.disk.Rename(dir, dir+unfinished); {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		}
		dir += unfinished
	}
	entries, err := s.disk.List(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		err = errors.Join(err, s.disk.Remove(filepath.Join(dir, e.Name())))
	}
	if err != nil {
		return err
	}
	return s.disk.Remove(dir)
}
