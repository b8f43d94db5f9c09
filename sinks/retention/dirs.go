package retention

import (
	"path"
	"time"
)

// settledDir is how long nothing happened in an empty directory before it is
// removed: a recorder that has just made one is about to use it.
const settledDir = time.Minute

// emptied remembers the directories that files were deleted from. Others were
// not made for recordings, or are somebody's on purpose.
type emptied map[string]bool

func (e emptied) note(file string) {
	if dir := path.Dir(file); dir != "." {
		e[dir] = true
	}
}

// sweep removes those that are empty and settled, each with the parents that
// become empty by it. Removing fails where something is inside, which is the
// check that cannot be late.
func (e emptied) sweep(s *shelf, now time.Time) {
	for dir := range e {
		info, err := s.root.Lstat(dir)
		if err == nil && info.IsDir() && now.Sub(info.ModTime()) < settledDir {
			continue
		}
		delete(e, dir)
		for err == nil && dir != "." && s.root.Remove(dir) == nil {
			dir = path.Dir(dir)
		}
	}
}
