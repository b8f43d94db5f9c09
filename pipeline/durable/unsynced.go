package durable

import "io/fs"

// Unsynced returns a view of disk that waits for no sync: a power cut may undo a change, and may leave a file that is
// empty or partly written under its final name. It serves files that can be made again and whose damage is noticed.
func Unsynced(disk FS) FS { return unsynced{disk} }

type unsynced struct{ FS }

// Create implements FS.
func (u unsynced) Create(name string, perm fs.FileMode) (File, error) {
	f, err := u.FS.Create(name, perm)
	if err != nil {
		return nil, err
	}
	return unsyncedFile{f}, nil
}

// Open implements FS.
func (u unsynced) Open(name string) (File, error) {
	f, err := u.FS.Open(name)
	if err != nil {
		return nil, err
	}
	return unsyncedFile{f}, nil
}

// SyncDir implements FS and does nothing.
func (unsynced) SyncDir(string) error { return nil }

// SyncFS implements FS and does nothing.
func (unsynced) SyncFS(string) error { return nil }

type unsyncedFile struct{ File }

// Sync implements File and does nothing.
func (unsyncedFile) Sync() error { return nil }
