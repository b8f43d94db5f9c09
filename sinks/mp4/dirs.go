package mp4

import (
	"context"
	"errors"
	"fmt"
	"github.com/gospool/spool/sinks/mp4/disk"
	"io/fs"
	"path"
	"path/filepath"
)

// Remove deletes a file of a record directory, and the directories above it that
// are empty then. That it is gone already is no error.
func Remove(dir, name string) error {
	fsys, err := disk.Open(dir)
	if err != nil {
		return err
	}
	defer fsys.Close()
	name = filepath.ToSlash(filepath.Clean(name))
	if err := fsys.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	prune(fsys, name)
	return nil
}

// prune removes the directories of a file that is gone, from the last one up,
// as long as they are empty. The record directory stays, and so does a link. What
// cannot be removed now is no loss: it is empty.
//
// A recorder may be about to use such a directory: it makes it again, see create.
func prune(fsys disk.FS, name string) {
	for dir := path.Dir(name); dir != "." && dir != "/"; dir = path.Dir(dir) {
		if err := fsys.RemoveDir(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return
		}
	}
}

// RemoveEmptyDirs removes the empty directories of a record directory that a crash
// or an operator left, and returns how many. A directory that was made for
// something else must stay, and nothing in an empty one says what it was made for.
// So it must have the path that one of the patterns gives to a file's directory, and
// in it a date or another time, or a stream that is known; the directories above it
// go with it if they are empty then. Its age does not matter: see prune.
func RemoveEmptyDirs(ctx context.Context, dir string, patterns []string, known func(stream string) bool) (removed int, err error) {
	fsys, err := disk.Open(dir)
	if err != nil {
		return 0, fmt.Errorf("empty directories: %w", err)
	}
	defer fsys.Close()
	if err := disk.NotSwapped(fsys, disk.Absolute(dir)); err != nil {
		return 0, fmt.Errorf("empty directories: %w", err)
	}
	s := sweep{fsys: fsys, known: known}
	for _, text := range patterns {
		if p, err := parsePattern(text); err == nil {
			s.made = append(s.made, p.directories()...)
		}
	}
	if len(s.made) > 0 {
		_, err = s.below(ctx, ".")
	}
	return s.removed, err
}

// sweep is one walk over a record directory.
type sweep struct {
	fsys    disk.FS
	made    []madeDir
	known   func(stream string) bool
	removed int
}

// below removes what is to go below a directory, and tells whether that has
// emptied it. What cannot be read stays.
func (s *sweep) below(ctx context.Context, dir string) (emptied bool, err error) {
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	entries, err := s.fsys.ReadDir(dir)
	if err != nil {
		return false, nil
	}
	left := len(entries)
	for _, e := range entries {
		if !e.IsDir() || disk.Hidden(e.Name()) {
			continue
		}
		name := path.Join(dir, e.Name())
		gone, err := s.below(ctx, name)
		if err != nil {
			return false, err
		}
		if gone {
			left--
		}
	}
	if dir == "." || left > 0 || len(entries) == 0 && !s.ours(dir) {
		return false, nil
	}
	if s.fsys.RemoveDir(dir) != nil {
		return false, nil
	}
	s.removed++
	return true, nil
}

func (s *sweep) ours(dir string) bool {
	for _, m := range s.made {
		if m.fits(dir, s.known) {
			return true
		}
	}
	return false
}
