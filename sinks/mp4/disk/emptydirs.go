package disk

import (
	"context"
	"fmt"
	"path"

	"github.com/gospool/spool/sinks/mp4/filename"
)

// RemoveEmptyDirs removes the empty directories of a record directory that a crash or an
// operator left, and returns their number. A directory made for another purpose must stay, and
// an empty directory does not show its purpose. So RemoveEmptyDirs removes only a directory
// whose path one of the patterns makes for a file, with a date or time in it or with a known
// stream; then its parents, if they become empty. Its age does not matter: see Prune.
func RemoveEmptyDirs(ctx context.Context, dir string, patterns []string, known func(stream string) bool) (removed int, err error) {
	fsys, err := Open(dir)
	if err != nil {
		return 0, fmt.Errorf("empty directories: %w", err)
	}
	defer fsys.Close()
	if err := NotSwapped(fsys, Absolute(dir)); err != nil {
		return 0, fmt.Errorf("empty directories: %w", err)
	}
	s := sweep{fsys: fsys, known: known}
	for _, text := range patterns {
		if p, err := filename.Parse(text); err == nil {
			s.made = append(s.made, p.Directories()...)
		}
	}
	if len(s.made) > 0 {
		_, err = s.below(ctx, ".")
	}
	return s.removed, err
}

// sweep is one walk over a record directory.
type sweep struct {
	fsys    FS
	made    []filename.Directory
	known   func(stream string) bool
	removed int
}

// below removes the empty directories below a directory and, if they emptied it, the directory
// itself. emptied reports the latter. A directory that cannot be read stays.
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
		if !e.IsDir() || Hidden(e.Name()) {
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
		if m.Fits(dir, s.known) {
			return true
		}
	}
	return false
}
