package powercut

import (
	"io/fs"
	"path/filepath"

	"github.com/gospool/spool/pipeline/durable"
)

// Levels is the real disk. It notes which directories are made on it, and which were
// synced behind that.
type Levels struct {
	durable.Disk
	Made   []string
	synced map[string]bool
}

// Mkdir is durable.FS.
func (l *Levels) Mkdir(name string, perm fs.FileMode) error {
	l.Made = append(l.Made, name)
	delete(l.synced, filepath.Dir(name))
	return l.Disk.Mkdir(name, perm)
}

// SyncDir is durable.FS.
func (l *Levels) SyncDir(dir string) error {
	if l.synced == nil {
		l.synced = map[string]bool{}
	}
	l.synced[dir] = true
	return l.Disk.SyncDir(dir)
}

// Lost lists the directories that a power cut may take away again, with all in them:
// those above were not synced.
func (l *Levels) Lost() (dirs []string) {
	for _, dir := range l.Made {
		if !l.synced[filepath.Dir(dir)] {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}
