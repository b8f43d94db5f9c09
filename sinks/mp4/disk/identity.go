package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/gospool/spool/pipeline/durable"
	"github.com/gospool/spool/pipeline/media"
)

// IdentityFile is in every record directory. It holds the directory's UUID and an explanation:
//
//	0193...-....\n
//	This directory belongs to spool. ...\n
//
// It is created once, when a directory is first recorded to or compared with a catalogue, which
// stores the UUID: see Identity. From then on the process accepts only a directory with the
// same UUID under that path: if a disk is unmounted or another one mounted in its place,
// recording fails with the reason instead of filling the wrong disk.
const IdentityFile = ".spool-directory"

const identityText = "\nThis directory belongs to spool. The UUID above tells it from another disk mounted in its place.\n"

// ErrSwapped reports that another directory is in the place of the record directory.
var ErrSwapped = errors.New("the record directory is not the one it was")

// Claim checks a directory against the identity that this process knows for its path. It creates
// the identity of a directory that has none and whose path is new to the process.
func Claim(fsys FS, dir string) error {
	process.Lock()
	defer process.Unlock()
	known := process.directories[dir]
	id, err := ReadIdentity(fsys)
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
	process.directories[dir] = id
	return nil
}

// StillThere checks an open directory as Claim does, and that its path still leads to it.
func StillThere(fsys FS, dir string) error {
	if same, err := fsys.Same(); err != nil || !same {
		return fmt.Errorf("%w: %s leads elsewhere now (%v): mount the disk again, or restart spool to record here", ErrSwapped, dir, err)
	}
	return Claim(fsys, dir)
}

// NotSwapped checks a directory against the identity that this process knows for its path. It
// accepts a path that is new to the process.
func NotSwapped(fsys FS, dir string) error {
	process.Lock()
	defer process.Unlock()
	known := process.directories[dir]
	if known == "" {
		return nil
	}
	id, err := ReadIdentity(fsys)
	if err == nil && id != known {
		err = swapped(dir, known, id)
	}
	return err
}

// Claimed returns the identity of a directory that this process records to, or an empty string.
func Claimed(dir string) string {
	process.Lock()
	defer process.Unlock()
	return process.directories[dir]
}

func swapped(dir, known, found string) error {
	return fmt.Errorf("%w: %s was %s and is now %s: mount the disk again, or restart spool to record here", ErrSwapped, dir, known, found)
}

// Identity returns the UUID of a record directory. If it has none, Identity creates one or
// returns an empty string.
func Identity(dir string, create bool) (string, error) {
	disk, err := Open(dir)
	if err != nil {
		return "", err
	}
	defer disk.Close()
	id, err := ReadIdentity(disk)
	switch {
	case errors.Is(err, fs.ErrNotExist) && create:
		return makeIdentity(disk)
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	}
	return id, err
}

// ReadIdentity returns a directory's UUID, or fs.ErrNotExist if it has none.
func ReadIdentity(fsys FS) (string, error) {
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

// makeIdentity writes the file under a temporary name first, so that it is never incomplete, and
// returns another process's identity if that one was published first.
func makeIdentity(fsys FS) (string, error) {
	id := media.NewID(time.Now()).String()
	name := IdentityFile + "." + id[len(id)-12:]
	f, err := fsys.Create(name)
	if err != nil {
		return "", Explain(fsys, err)
	}
	err = durable.Publish(fsys, f, name, IdentityFile, []byte(id+identityText))
	if errors.Is(err, fs.ErrExist) {
		return ReadIdentity(fsys)
	}
	return id, err
}

// Hidden reports whether a name in a record directory is not that of a recording.
func Hidden(name string) bool { return strings.HasPrefix(name, ".") }
