package filesystem

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Lack is a feature that the file system of a directory does not have.
type Lack struct {
	What  string // name of the feature
	Means string // consequence for recordings in the directory
	Gone  bool   // a guarantee of spool does not hold in the directory; if false, a fallback replaces the feature
}

// Report lists the features that the file system of a directory does not have.
type Report struct {
	Type    string // type of the file system, such as ext4; for FUSE with the mounted source in brackets
	Lacks   []Lack
	Refused []string // names that the file system refuses, each with the reason
	Unknown error    // error that made the probe incomplete; nil for a complete one
}

// Gone reports whether a guarantee of spool does not hold in the directory: Lack.Gone is true for one of Lacks.
func (r Report) Gone() bool { return slices.ContainsFunc(r.Lacks, func(l Lack) bool { return l.Gone }) }

// String returns the report as one line for a log.
func (r Report) String() string {
	var parts []string
	for _, l := range r.Lacks {
		parts = append(parts, "no "+l.What+": "+l.Means)
	}
	for _, refused := range r.Refused {
		parts = append(parts, "refuses "+refused)
	}
	if r.Unknown != nil {
		parts = append(parts, fmt.Sprintf("the rest is unknown: %v", r.Unknown))
	}
	return r.Type + ": " + cmp.Or(strings.Join(parts, "; "), "nothing is lacking")
}

// Probe tests the features of the file system of dir with files in a scratch directory there. names are path
// segments that spool will create; the report lists those that the file system refuses. On a full or read-only
// disk the report is incomplete: Unknown then has the error.
func (c *Calls) Probe(dir string, names ...string) Report {
	r := Report{Type: typeOf(dir)}
	removeScratch(dir)
	scratch := filepath.Join(dir, fmt.Sprintf("%s%d-%x", scratchPrefix, os.Getpid(), time.Now().UnixNano()))
	if err := os.Mkdir(scratch, 0o700); err != nil {
		r.Unknown = err
		return r
	}
	p := &probe{Calls: c, dir: scratch, report: &r}
	r.Unknown = p.run(names)
	if err := os.RemoveAll(scratch); err != nil {
		r.Unknown = errors.Join(r.Unknown, err)
	}
	return r
}

// removeScratch removes the files and directories that Probe and Sharing of this process, and of processes that
// have ended, left in dir.
func removeScratch(dir string) {
	left, _ := filepath.Glob(filepath.Join(dir, scratchPrefix+"*"))
	for _, path := range left {
		pid, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(path), scratchPrefix), "-")
		if n, err := strconv.Atoi(pid); err == nil && n > 0 && processEnded(n) || n == os.Getpid() {
			_ = os.RemoveAll(path)
		}
	}
}

// probe is one run of Probe.
type probe struct {
	*Calls
	dir    string
	report *Report
	file   *os.File
}

// run runs the tests in order, until one fails for another reason than a missing feature. names are the names
// for the last test, tryNames.
func (p *probe) run(names []string) (err error) {
	p.file, err = os.OpenFile(filepath.Join(p.dir, "a"), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.file.Close()) }()
	for _, look := range []func() error{
		p.locks, p.room, p.syncs, p.renames, p.shared, p.sparse, p.longest, p.modes, p.times, p.letters,
	} {
		if err := look(); err != nil {
			return err
		}
	}
	p.tryNames(names)
	return nil
}

func (p *probe) lacks(what call, gone bool, means string) {
	p.report.Lacks = append(p.report.Lacks, Lack{string(what), means, gone})
}

func (p *probe) fd() int { return int(p.file.Fd()) }

func (p *probe) locks() error {
	err := p.flock(p.fd())
	if refused(lock, err) {
		p.lacks(lock, false, "a file .NAME.lock beside each file that is written is its lock; one left by another host or container is deleted by hand")
		return nil
	}
	return err
}

func (p *probe) room() error {
	err := p.Allocate(p.fd(), 0, 1<<16)
	if errors.Is(err, errors.ErrUnsupported) {
		p.lacks(allocate, false, "zeros are written where a file's end will be, so that it can be finished on a full disk")
		err = nil
	}
	if err != nil {
		return err
	}
	if _, err = p.file.WriteAt(make([]byte, 1<<16), 0); err != nil {
		return err
	}
	err = p.Punch(p.fd(), 0, 1<<15)
	if errors.Is(err, errors.ErrUnsupported) {
		p.lacks(punch, false, "a finished file keeps the room that was set aside for its end")
		return nil
	}
	return err
}

func (p *probe) syncs() error {
	const powerCut = "a power cut may lose more than the newest chunk, and finished files"
	err := p.fdatasync(p.fd())
	if refused(datasync, err) {
		if err = p.fsync(p.fd()); !refused(sync, err) {
			p.lacks(datasync, false, "fsync takes its place, which is slower")
		}
	}
	if refused(sync, err) {
		p.lacks(datasync, true, powerCut)
		err = nil
	}
	if err != nil {
		return err
	}
	dir, err := os.Open(p.dir)
	if err != nil {
		return err
	}
	defer dir.Close()
	if err = p.fsyncDir(int(dir.Fd())); !refused(syncDir, err) {
		return err
	}
	if err = p.syncfs(int(dir.Fd())); !refused(syncDir, err) {
		p.lacks(syncDir, false, "all of the file system is synced in its place")
		return err
	}
	p.lacks(syncDir, true, "a power cut may take a file that was begun or finished just before")
	return nil
}

func (p *probe) renames() error {
	dir, err := os.Open(p.dir)
	if err != nil {
		return err
	}
	defer dir.Close()
	fd := int(dir.Fd())
	err = p.renameat2(fd, "a", "b")
	if !refused(renameNoReplace, err) {
		return err
	}
	err = p.linkat(fd, "a", "b")
	switch {
	case refused(link, err):
		p.lacks(renameNoReplace+" and "+link, true, "spool never replaces a file of its own, but a file that another program puts under the same name in the same instant may be replaced")
		return os.Rename(filepath.Join(p.dir, "a"), filepath.Join(p.dir, "b"))
	case err == nil:
		p.lacks(renameNoReplace, false, "a hard link takes its place")
		return os.Remove(filepath.Join(p.dir, "a"))
	}
	return err
}

func (p *probe) shared() error {
	err := p.mmap(p.fd())
	if refused(mapping, err) {
		p.lacks(mapping, false, "a SQLite catalogue here is used over one connection, and other programs cannot read it meanwhile")
		err = nil
	}
	if err != nil {
		return err
	}
	if err = p.setlk(p.fd()); refused(recordLock, err) {
		p.lacks(recordLock, true, "a SQLite catalogue here is used over one connection, and other programs must not open it meanwhile")
		err = nil
	}
	return err
}

func (p *probe) sparse() error {
	const size = 1 << 19
	if err := p.file.Truncate(size); err != nil {
		return err
	}
	info, err := p.file.Stat()
	if err != nil {
		return err
	}
	if allocated, _, ok := Allocated(info); ok && allocated >= size {
		p.lacks("sparse files", false, "a file takes the room for its end on the disk from its beginning")
	}
	return p.file.Truncate(4096)
}

// worthSaying is a file size, in bytes, that no recording reaches. A larger limit is not reported.
const worthSaying = 1 << 40

func (p *probe) longest() error {
	if most := MaxFileBytes(p.file); most < worthSaying {
		p.lacks(call("files of more than "+strconv.FormatInt(most, 10)+" bytes"), false, "a file ends before that at a key frame, and the next one begins")
	}
	return nil
}

func (p *probe) modes() error {
	const means = "files have the mode and the group that the mount gives them, whatever file_mode, dir_mode and group say: recordings, and what spool keeps for itself, such as pipelines made by API with their passwords, are read by whoever the mount lets in"
	for _, mode := range []fs.FileMode{0o640, 0o600} {
		err := p.fchmod(p.fd(), uint32(mode))
		if err != nil && !refused(chmod, err) {
			return err
		}
		info, unread := p.file.Stat()
		if unread != nil {
			return unread
		}
		if err != nil || info.Mode().Perm() != mode {
			p.lacks(chmod, true, means)
			return nil
		}
	}
	return nil
}

func (p *probe) times() error {
	at := time.Date(2001, 2, 3, 4, 5, 7, 987654321, time.UTC)
	path := filepath.Join(p.dir, "b")
	if err := os.Chtimes(path, at, at); err != nil {
		return nil // some file systems refuse it; recordings do not need it
	}
	info, err := os.Lstat(path)
	if err == nil && info.ModTime().Sub(at).Abs() > 50*time.Millisecond {
		p.lacks("times finer than seconds", true, "a player that has a file in its cache may miss an event marked in it within two seconds of its end")
	}
	return err
}

func (p *probe) letters() error {
	_, err := os.Lstat(filepath.Join(p.dir, "B"))
	switch {
	case err == nil:
		p.lacks("difference between capital and small letters", false, "streams whose paths differ in that alone share their directories, and files get a number behind their names")
	case errors.Is(err, fs.ErrNotExist):
		err = nil
	}
	return err
}
