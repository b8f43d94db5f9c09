package powercut

import (
	"io/fs"
	"path/filepath"

	"github.com/gospool/spool/pipeline/durable"
)

// Levels is the real disk. It records the directories that are created on it, and those that
// were synced afterwards.
type Levels struct {
	durable.Disk
	Made   []string
	synced map[string]bool
}

// Mkdir implements durable.FS.
func (l *Levels) Mkdir(name string, perm fs.FileMode) error {
	l.Made = append(l.Made, name)
	delete(l.synced, filepath.Dir(name))
	return l.Disk.Mkdir(name, perm)
}

// SyncDir implements durable.FS.
func (l *Levels) SyncDir(dir string) error {
	if l.synced == nil {
		l.synced = map[string]bool{}
	}
	l.synced[dir] = true
	return l.Disk.SyncDir(dir)
}

// Lost returns the directories that a power cut may remove with their content, because their
// parents were not synced.
func (l *Levels) Lost() (dirs []string) {
	for _, dir := range l.Made {
		if !l.synced[filepath.Dir(dir)] {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}
