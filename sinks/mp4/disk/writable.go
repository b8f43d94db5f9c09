package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/filesystem"
)

// ErrHangs reports that an operation on a disk did not return in time.
var ErrHangs = errors.New("the disk does not answer")

// A disk with less than minRoomBytes free counts as full, until it has enoughRoomBytes free: with
// one limit the state could alternate with every test.
const (
	minRoomBytes    = 1 << 20
	enoughRoomBytes = 2 * minRoomBytes
)

// Writable tests whether a file could be created in a record directory now. Like a recording, it
// checks the directory's identity and writes a file. It must not be used concurrently, and may
// block as long as the disk does.
type Writable struct {
	dir  string
	disk *Dir // the open directory; nil until a test has found the directory
	full bool // the last test found too little free space: the next test requires enoughRoomBytes
}

// NewWritable returns a Writable for a record directory. It does no I/O.
func NewWritable(dir string) *Writable { return &Writable{dir: Absolute(dir)} }

// Close closes the directory.
func (w *Writable) Close() {
	if w.disk != nil {
		_ = w.disk.Close()
		w.disk = nil
	}
}

// Try returns the capacity of the disk, zero if unknown, and nil if a file could be created.
// Otherwise its error describes the obstacle, with the remedy: see ProblemOf. It returns no error
// for a directory that does not exist and was never recorded to: the first recording creates it.
func (w *Writable) Try() (filesystem.Capacity, error) {
	has, err := w.try()
	if errors.Is(err, fs.ErrNotExist) && w.disk == nil && !RecordedTo(w.dir) {
		return has, nil
	}
	if err != nil {
		err = fmt.Errorf("%w%s", err, Advice(err))
	}
	return has, err
}

func (w *Writable) try() (filesystem.Capacity, error) {
	if err := w.find(); err != nil {
		return filesystem.Capacity{}, err
	}
	has, err := w.disk.Capacity()
	if err != nil {
		return filesystem.Capacity{}, fmt.Errorf("how full the disk is: %w", err)
	}
	least := int64(minRoomBytes)
	if w.full {
		least = enoughRoomBytes
	}
	w.full = has.FreeBytes < least
	switch {
	case has.ReadOnly: // writing into the open directory need not fail then
		return has, syscall.EROFS
	case w.full:
		return has, fmt.Errorf("%d KiB are free, which is too little to begin a file: %w", has.FreeBytes>>10, syscall.ENOSPC)
	}
	return has, Explain(w.disk, filesystem.TakesFile(w.disk.root))
}

// find opens the directory w.dir, or checks that this path still leads to the open directory. If
// the path leads to another directory with the identity that this process stored, as after the
// disk was mounted again, find opens that directory. It returns ErrSwapped if the identity
// differs or none is stored.
func (w *Writable) find() error {
	if w.disk == nil {
		disk, err := Open(w.dir)
		if err == nil {
			w.disk, err = disk, known(disk, w.dir)
		}
		return err
	}
	same, err := w.disk.Same()
	if err != nil {
		return err
	}
	if same {
		return known(w.disk, w.dir)
	}
	disk, err := Open(w.dir)
	if err != nil {
		return err
	}
	if Claimed(w.dir) == "" {
		_ = disk.Close()
		return fmt.Errorf("%w: another directory is in its place: put it back, or restart spool to record here", ErrSwapped)
	}
	if err := known(disk, w.dir); err != nil {
		_ = disk.Close()
		return err
	}
	_ = w.disk.Close()
	w.disk = disk
	return nil
}

// known compares the identity of an open directory with the one that this process stored for the
// path dir, and stores it if none is stored yet. Unlike Claim it creates no identity: it accepts
// a directory without one if the process has not recorded to dir.
func known(fsys FS, dir string) error {
	id, err := ReadIdentity(fsys)
	if errors.Is(err, fs.ErrNotExist) && Claimed(dir) == "" {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", IdentityFile, err)
	}
	process.Lock()
	defer process.Unlock()
	switch was := process.directories[dir]; {
	case was == "":
		process.directories[dir] = id
	case id == "":
		return swapped(dir, was, "one without an identity")
	case was != id:
		return swapped(dir, was, id)
	}
	return nil
}

// ProblemOf returns the problem to report to the operator for an error of Try or of a recording.
// since is the start of the problem.
func ProblemOf(err error, since time.Time) pipeline.Problem {
	kind, known := TroubleOf(err)
	if !known {
		kind = Trouble{Problem: "disk_failed", Remedy: "remove the cause: the problem does not end by itself"}
	}
	return pipeline.Problem{Problem: kind.Problem, Since: since, Cause: err.Error(), Remedy: kind.Remedy, Failing: true}
}

// Unwritable returns the names of all disk problems (Trouble.Problem), each of which keeps
// recordings from being written.
func Unwritable() (words []string) {
	for _, t := range troubles {
		words = append(words, t.Problem)
	}
	return words
}
