package mp4

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/gospool/spool/pipeline/media"
)

// IdentityFile is in every record directory. It holds the directory's UUID and
// a line for the reader:
//
//	0193...-....\n
//	This directory belongs to spool. ...\n
//
// It is made once, when a directory is first recorded to or compared with a
// catalogue, which keeps it: see Identity. From then on, for the
// life of the process, only a directory with the same UUID is taken under that
// path: when a disk is unmounted or another one mounted in its place, recording
// fails with the reason instead of filling what is there now.
const IdentityFile = ".spool-directory"

const identityText = "\nThis directory belongs to spool. The UUID above tells it from another disk mounted in its place.\n"

// ErrSwapped says that the record directory is not the one it was.
var ErrSwapped = errors.New("the record directory is not the one it was")

// claim checks a directory against what this process knows of its path, and
// makes its identity where it has none and is not expected to have one.
func claim(fsys FS, dir string) error {
	open.Lock()
	defer open.Unlock()
	known := open.directories[dir]
	id, err := readIdentity(fsys)
	if errors.Is(err, fs.ErrNotExist) && known == "" {
		id, err = makeIdentity(fsys)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return swapped(dir, known, "one without an identity")
	case err != nil:
		return fmt.Errorf("%s: %w", dir, err)
	case known != "" && known != id:
		return swapped(dir, known, id)
	}
	open.directories[dir] = id
	return nil
}

// stillThere is claim for a directory that is open: its path must also still
// lead to it.
func stillThere(fsys FS, dir string) error {
	if same, err := fsys.Same(); err != nil || !same {
		return fmt.Errorf("%w: %s leads elsewhere now (%v): mount the disk again, or restart spool to record here", ErrSwapped, dir, err)
	}
	return claim(fsys, dir)
}

// notSwapped checks a directory against what this process knows of its path, and
// takes one that it has not recorded to.
func notSwapped(fsys FS, dir string) error {
	open.Lock()
	defer open.Unlock()
	known := open.directories[dir]
	if known == "" {
		return nil
	}
	id, err := readIdentity(fsys)
	if err == nil && id != known {
		err = swapped(dir, known, id)
	}
	return err
}

// claimed is the identity of a directory that this process records to.
func claimed(dir string) string {
	open.Lock()
	defer open.Unlock()
	return open.directories[dir]
}

func swapped(dir, known, found string) error {
	return fmt.Errorf("%w: %s was %s and is now %s: mount the disk again, or restart spool to record here", ErrSwapped, dir, known, found)
}

// Identity is the UUID of a record directory, "" where it has none and none is to
// be created.
func Identity(dir string, create bool) (string, error) {
	disk, err := openDisk(dir)
	if err != nil {
		return "", err
	}
	defer disk.Close()
	id, err := readIdentity(disk)
	switch {
	case errors.Is(err, fs.ErrNotExist) && create:
		return makeIdentity(disk)
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	}
	return id, err
}

func readIdentity(fsys FS) (string, error) {
	f, err := fsys.OpenRead(IdentityFile)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b := make([]byte, 36)
	if _, err := f.ReadAt(b, 0); err != nil {
		return "", fmt.Errorf("%s is damaged: delete it if this is the right disk: %w", IdentityFile, err)
	}
	id, err := media.ParseID(string(b))
	if err != nil {
		return "", fmt.Errorf("%s is damaged: delete it if this is the right disk: %w", IdentityFile, err)
	}
	return id.String(), nil
}

// makeIdentity writes the file under another name first, so that it is never
// there by half, and takes another process's where that was quicker.
func makeIdentity(fsys FS) (string, error) {
	id := media.NewID(time.Now()).String()
	name := IdentityFile + "." + id[len(id)-12:]
	f, err := fsys.Create(name)
	if err != nil {
		return "", lackOf(fsys, err)
	}
	defer f.Close()
	if _, err = f.WriteAt([]byte(id+identityText), 0); err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = fsys.Rename(name, IdentityFile)
	}
	if err != nil {
		_ = fsys.Remove(name)
		if errors.Is(err, fs.ErrExist) {
			return readIdentity(fsys)
		}
		return "", err
	}
	return id, fsys.SyncDir(".")
}

// hidden tells whether a name in a record directory is ours and no recording.
func hidden(name string) bool { return strings.HasPrefix(name, ".") }
