package mp4

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/disk"
	"github.com/gospool/spool/sinks/mp4/facts"
	"github.com/gospool/spool/sinks/mp4/repair"
	"github.com/gospool/spool/sinks/mp4/sampleindex"
)

// Repaired describes the recovery of one file that a crash left unfinished, or its repair.
type Repaired struct {
	repair.Result
	File string // name before recovery, below the directory
	// Recording describes the finished file. If no file was finished, its State is empty; of
	// a file that was removed, it has the ID only.
	Recording media.Recording
	Removed   bool      // the file held no whole chunk and was deleted
	Unwritten Unwritten // media that the crash lost from memory
	// Err is not nil if the file could not be finished, and may be unchanged. If Recording
	// has a State nevertheless, the file is finished, but a power cut may undo that.
	Err error
}

// Unwritten describes the media that a crash lost from memory before it was written. Its
// duration is unknown but has an upper limit, the flush interval.
type Unwritten struct {
	AtMost  time.Duration // 0: nothing was lost, as for a finished file
	Assumed bool          // the file does not store the flush interval, and AtMost is the default
}

func unwritten(flushNS int64) Unwritten {
	if flushNS <= 0 {
		return Unwritten{media.DefaultFlush, true}
	}
	return Unwritten{AtMost: time.Duration(flushNS)}
}

// String returns a phrase for the log.
func (u Unwritten) String() string {
	switch {
	case u.AtMost == 0:
		return "nothing"
	case u.Assumed:
		return fmt.Sprintf("%s (%v by default)", media.LostInCrash, u.AtMost)
	}
	return fmt.Sprintf("%s (%v)", media.LostInCrash, u.AtMost)
}

// Recover finishes the files of record directory dir that a crash left unfinished: each
// NAME.mp4.part that no process writes. It calls report with the result for each file, and
// continues after a file that it cannot finish. It returns an error if a directory cannot be
// read, if another directory is in the place of the one that this process records to, or if ctx
// ended. This and other processes may record to the directory meanwhile.
func Recover(ctx context.Context, dir string, report func(Repaired)) error {
	fsys, err := disk.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("recover: %w", err)
	}
	defer fsys.Close()
	if err := disk.NotSwapped(fsys, disk.Absolute(dir)); err != nil {
		return fmt.Errorf("recover: %w", err)
	}
	return recoverDir(ctx, fsys, disk.Absolute(dir), report)
}

func recoverDir(ctx context.Context, fsys disk.FS, dir string, report func(Repaired)) error {
	names, unread := partFiles(fsys, ".")
	for _, name := range names {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if _, ours := disk.GrowingBytes(filepath.Join(dir, name)); ours {
			continue
		}
		r := recoverFile(fsys, name)
		if errors.Is(r.Err, disk.ErrOwned) || errors.Is(r.Err, fs.ErrNotExist) {
			continue // another process writes it, or finished it just now
		}
		r.applyFacts(dir, dir)
		report(r)
	}
	if unread != nil {
		return fmt.Errorf("recover: %w", unread)
	}
	return nil
}

// partFiles returns the growing files below a directory, in order of their names, and the errors
// of directories that could not be read. It skips directories without permission to read, such
// as lost+found: spool writes no file there.
func partFiles(fsys disk.FS, dir string) (names []string, unread error) {
	entries, err := fsys.ReadDir(dir)
	if err != nil {
		if dir != "." && errors.Is(err, fs.ErrPermission) {
			return nil, nil
		}
		return nil, err
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		switch {
		case disk.Hidden(e.Name()):
		case e.IsDir():
			below, err := partFiles(fsys, name)
			names, unread = append(names, below...), errors.Join(unread, err)
		case e.Type().IsRegular() && strings.HasSuffix(name, ".mp4"+media.PartSuffix):
			names = append(names, name)
		}
	}
	return names, unread
}

// Repair finishes one file that a crash left unfinished, in place. It overwrites no media, and
// truncates only bytes that are in no whole chunk. It returns the error that the result has
// (Repaired.Err). If the directory of the file cannot be opened, or if this process writes the file,
// it returns an error and no result.
func Repair(file string) (Repaired, error) {
	file = disk.Absolute(file)
	fsys, err := disk.Open(filepath.Dir(file))
	if err != nil {
		return Repaired{}, err
	}
	defer fsys.Close()
	if _, ours := disk.GrowingBytes(file); ours {
		return Repaired{}, fmt.Errorf("%s: %w", file, disk.ErrOwned)
	}
	r := recoverFile(fsys, filepath.Base(file))
	if root, err := facts.Root(file, disk.IdentityFile); err == nil {
		r.applyFacts(root, filepath.Dir(file))
	}
	return r, r.Err
}

// applyFacts completes r.Recording with the facts stored in recordDir, and rebuilds the sample
// index of its file, which is in dir. If the file was removed, it removes the facts and the
// index. It ignores errors: damaged facts protect the recording, and a missing index is built
// when it is needed.
func (r *Repaired) applyFacts(recordDir, dir string) {
	switch {
	case r.Recording.State != "":
		_ = applyFacts(facts.In(recordDir), &r.Recording)
		_ = rebuildIndex(recordDir, filepath.Join(dir, filepath.FromSlash(r.Recording.Path)), r.Recording.ID)
	case r.Removed && r.Recording.ID != media.ID{}:
		_ = Forget(recordDir, r.Recording.ID)
	}
}

// rebuildIndex writes the sample index of a finished file into recordDir. If recordDir is not a
// record directory, as for a file that was copied elsewhere to be repaired, it writes nothing and
// returns an error.
func rebuildIndex(recordDir, name string, id media.ID) error {
	own := filesystem.Own{Top: recordDir}
	if _, err := own.Stat(filepath.Join(recordDir, disk.IdentityFile)); err != nil {
		return err
	}
	f, err := own.Open(name, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	return sampleindex.Of(own).Rebuild(f, id)
}

// RepairAny repairs one file of any program. It finishes a file of spool in place, as Repair does;
// of another program's file it makes a repaired copy, NAME.repaired.mp4. It returns
// repair.ErrBeyondHelp if no media can be recovered, and disk.ErrOwned if the file is being
// written.
func RepairAny(ctx context.Context, file string, o repair.Options) (Repaired, error) {
	file = disk.Absolute(file)
	if _, ours := disk.GrowingBytes(file); ours {
		return Repaired{}, fmt.Errorf("%s: %w", file, disk.ErrOwned)
	}
	modes := disk.DefaultModes
	if info, err := os.Lstat(file); err == nil {
		modes.File = info.Mode().Perm() | 0o600 // the readers of the file may read the copy
	}
	dir, err := disk.OpenAs(filepath.Dir(file), modes)
	if err != nil {
		return Repaired{}, err
	}
	defer dir.Close()
	fsys, name := repair.Watch(ctx, dir, o), filepath.Base(file)
	r := recoverFile(fsys, name)
	r.Result.Found, r.Kept = repair.Ours, time.Duration(r.Recording.DurationNS)
	if errors.Is(r.Err, ErrNotOurs) {
		r = Repaired{File: name}
		r.Result, r.Err = repair.File(fsys, name)
	}
	return r, r.Err
}

// recoverFile finishes one file of a directory and gives it its final name, or removes it if it
// has no whole chunk.
func recoverFile(fsys disk.FS, name string) (r Repaired) {
	r.File = name
	f, err := fsys.Open(name)
	if err != nil {
		r.Err = err
		return r
	}
	defer f.Close()
	disk.ForgetCached(f)
	file, form, err := openScan(f, name)
	switch {
	case errors.Is(err, isobmff.ErrEnd), errors.Is(err, ErrNotOurs):
		if r.discard(fsys, f, err, "the file ends before its first chunk"); r.Removed {
			r.Unwritten = unwritten(0)
		}
		return r
	case err != nil:
		r.Err = err
		return r
	case form == headless:
		if r.Err = file.writeSize(file.lay.reserveBytes); r.Err == nil {
			r.Err = file.sync()
		}
	}
	if r.Whole = form == finished; !r.Whole {
		r.Unwritten = unwritten(file.entry.identity.FlushNS)
	}
	if r.Err == nil && form != finished {
		r.rebuild(file)
		if r.Err == nil && file.units == 0 {
			r.remove(fsys, "no whole chunk is in the file")
			r.Recording.ID, _ = media.ParseID(file.entry.identity.ID) // the row of this ID is to be deleted
			return r
		}
	}
	if r.Err == nil {
		r.publish(fsys, file)
	}
	return r
}

// publish renames the file to its final name, durably, and sets r.Recording. If a crash came
// between the two steps of a rename by hard link, the file already has the final name too, and
// publish removes the other name. It keeps the name of a file that an operator has renamed.
func (r *Repaired) publish(fsys disk.FS, f *file) {
	final := strings.TrimSuffix(r.File, media.PartSuffix)
	var err error
	if final == r.File { // an operator renamed the growing file, or the file is finished and renamed
		r.Recording, r.Err = f.entry.recording(final, f.sizeBytes)
		return
	}
	if linked(fsys, r.File, final) {
		if err = fsys.Remove(r.File); err != nil {
			r.Err = err
			return
		}
		err = fsys.SyncDir(path.Dir(final))
	} else {
		final, err = disk.Publish(fsys, r.File, false)
	}
	if final != "" {
		r.Recording, r.Err = f.entry.recording(final, f.sizeBytes)
	}
	r.Err = errors.Join(r.Err, err)
}

// linked reports whether two names are hard links to the same file.
func linked(fsys disk.FS, a, b string) bool {
	x, err := fsys.Stat(a)
	if err != nil {
		return false
	}
	y, err := fsys.Stat(b)
	return err == nil && os.SameFile(x, y)
}
