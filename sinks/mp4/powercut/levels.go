package powercut

import (
	"io/fs"
	"path/filepath"

	"github.com/gospool/spool/pipeline/durable"
)

// Levels is the operating system's file system. It records the directories that are created
// through it, and those that were synced afterwards, so that a test can find missing syncs.
type Levels struct {
	durable.Disk
	Made   []string        // created directories, in order
	synced map[string]bool // directories synced since the last creation in them
}

// Mkdir creates a directory, and records it. See durable.FS.
func (l *Levels) Mkdir(name string, perm fs.FileMode) error {
	l.Made = append(l.Made, name)
	delete(l.synced, filepath.Dir(name))
	return l.Disk.Mkdir(name, perm)
}

// SyncDir syncs a directory, and records that. See durable.FS.
func (l *Levels) SyncDir(dir string) error {
	if l.synced == nil {
		l.synced = map[string]bool{}
	}
	l.synced[dir] = true
	return l.Disk.SyncDir(dir)
}

// Lost returns the created directories that a power cut now may remove with their content,
// because their parents were not synced since.
func (l *Levels) Lost() (dirs []string) {
	for _, dir := range l.Made {
		if !l.synced[filepath.Dir(dir)] {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}
