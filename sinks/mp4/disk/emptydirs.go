package disk

import (
	"context"
	"fmt"
	"path"

	"github.com/gospool/spool/sinks/mp4/filename"
)

// RemoveEmptyDirs removes empty directories that a crash or an operator left in record directory
// dir, and returns the number of removed directories. Other programs may have made directories
// there, too. So it removes an empty directory only if one of the filename patterns can make its
// path, and the path has a date, a time, or the name of a stream for which known returns true. It
// then removes the parents that become empty. A recorder whose new directory is removed creates it
// again.
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
	made    []filename.Directory // each recognises the directories that a pattern makes at one depth
	known   func(stream string) bool
	removed int
}

// below removes the empty directories below dir, and then dir itself if it became empty by that, or
// was empty and a pattern can make its path. emptied reports whether dir was removed. A directory
// that cannot be read stays, without an error.
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
