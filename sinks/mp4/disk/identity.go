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

// IdentityFile is the name of a file in every record directory, which holds the directory's
// identity, a UUID, and an explanation:
//
//	0193...-....\n
//	This directory belongs to spool. ...\n
//
// The file is created when a process first records to the directory, or first compares the
// directory with the catalogue, which stores the UUID. After a process has recorded to the
// directory, it accepts only a directory with that UUID at the path: if the disk is unmounted, or
// another disk is mounted in its place, recording fails with the reason instead of filling the
// wrong disk.
const IdentityFile = ".spool-directory"

const identityText = "\nThis directory belongs to spool. The UUID above tells it from another disk mounted in its place.\n"

// ErrSwapped reports that the path of a record directory leads to another directory now, as after
// the disk was unmounted.
var ErrSwapped = errors.New("the record directory is not the one it was")

// Claim compares the identity of an open directory with the identity that this process stored for
// the path dir. It returns ErrSwapped if the directory has another identity, or none. If the
// process has not recorded to the path yet, Claim stores the identity of the directory, and creates
// one if the directory has none.
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

// StillThere checks that the path dir still leads to the open directory, and then calls Claim. It
// returns ErrSwapped if the path leads elsewhere.
func StillThere(fsys FS, dir string) error {
	if err := LeadsHere(fsys, dir); err != nil {
		return err
	}
	return Claim(fsys, dir)
}

// LeadsHere returns ErrSwapped if the path dir leads to another directory than the open one.
func LeadsHere(fsys FS, dir string) error {
	if same, err := fsys.Same(); err != nil || !same {
		return fmt.Errorf("%w: %s leads elsewhere now (%v): mount the disk again, or restart spool to record here", ErrSwapped, dir, err)
	}
	return nil
}

// NotSwapped returns ErrSwapped if an open directory has another identity than this process
// stored for the path dir, or the error of ReadIdentity if the identity cannot be read. It returns
// nil if the process has not recorded to that path.
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

// Claimed returns the identity that this process stored for the record directory at the absolute
// path dir, or an empty string if the process has not recorded there.
func Claimed(dir string) string {
	process.Lock()
	defer process.Unlock()
	return process.directories[dir]
}

func swapped(dir, known, found string) error {
	return fmt.Errorf("%w: %s was %s and is now %s: mount the disk again, or restart spool to record here", ErrSwapped, dir, known, found)
}

// Identity returns the UUID of a record directory. If the directory has none, Identity creates a
// UUID if create is set, and otherwise returns an empty string.
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

// makeIdentity creates the identity file of a directory and returns the UUID. It writes the file
// under a temporary name first, so that it is never incomplete. If another process creates one
// at the same time and is first, makeIdentity returns the UUID of that process.
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

// Hidden reports whether a file or directory name in a record directory begins with a dot, and so
// belongs to no recording.
func Hidden(name string) bool { return strings.HasPrefix(name, ".") }
