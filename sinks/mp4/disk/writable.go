package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/filesystem"
)

// ErrHangs says that a disk does not answer.
var ErrHangs = errors.New("the disk does not answer")

// Room with which a file is begun at all. One that was full counts as full until
// it has twice as much, or it would be called so and not so in turn.
const (
	leastRoom  = 1 << 20
	enoughRoom = 2 * leastRoom
)

// Writable finds out whether a file could be begun in a directory now. It asks the
// disk as a recording would: whether the directory is the one that it was, and takes
// a file with bytes in it. It is for one goroutine, and may block for as long as
// the disk does.
type Writable struct {
	dir  string
	disk *Dir // the directory as it was found first
	full bool
}

// NewWritable does no I/O.
func NewWritable(dir string) *Writable { return &Writable{dir: Absolute(dir)} }

// Close lets go of the directory.
func (w *Writable) Close() {
	if w.disk != nil {
		_ = w.disk.Close()
		w.disk = nil
	}
}

// Try returns nil where a file could be begun, and else what is in the way: see
// ProblemOf. The capacity is that of the disk as far as it could be asked. A
// directory that never was there is made by the first recording to it.
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
	least := int64(leastRoom)
	if w.full {
		least = enoughRoom
	}
	w.full = has.Free < least
	switch {
	case has.ReadOnly: // which a directory that is open need not notice
		return has, unix.EROFS
	case w.full:
		return has, fmt.Errorf("%d KiB are free, which is too little to begin a file: %w", has.Free>>10, unix.ENOSPC)
	}
	return has, Explain(w.disk, filesystem.TakesFile(w.disk.root))
}

// find opens the directory, or makes sure that its path still leads to the one that
// is open. A disk that was mounted again is the same one by its identity.
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

// known is Claim for those who do not record: a directory without an identity is
// not given one.
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

// ProblemOf is what Try's error, or that of a recording, means to an operator.
func ProblemOf(err error, since time.Time) pipeline.Problem {
	kind, known := TroubleOf(err)
	if !known {
		kind = Trouble{Problem: "disk_failed", Remedy: "see what the cause says: this does not end by itself"}
	}
	return pipeline.Problem{Problem: kind.Problem, Since: since, Cause: err.Error(), Remedy: kind.Remedy, Failing: true}
}

// Unwritable are the words of all problems for which a recording that should be
// running writes nothing, and which lie with the machine and not with the sender.
func Unwritable() (words []string) {
	for _, t := range troubles {
		words = append(words, t.Problem)
	}
	return words
}
