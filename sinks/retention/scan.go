package retention

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/pipeline/media"
)

// orphanAge is the time since its last modification after which an unfinished file that nothing
// writes is an orphan.
const orphanAge = time.Hour

// Reader holds the functions with which a scan reads the files, whose format it does not know.
// Paths are those of the operating system.
type Reader struct {
	// Entry reads the recording that a file describes, with its facts. An error that is not
	// one of the operating system means that this program did not write the file.
	Entry func(path string) (media.Recording, error)
	// Writing reports whether a recorder writes a file, or recovery may still finish it.
	Writing func(path string) bool
	// Temporary reports whether a name is of the form that this program gives to temporary files.
	Temporary func(name string) bool
	// Identity is the name of the file that holds the identity of the record directory.
	Identity string
	// Event reports whether a recording has the class event in the order of deletion.
	Event func(media.Recording) bool
}

// index lists the files of the record directory: those that the last scan found, with the changes
// that recorders and the API have reported since then (see Keeper.takeNotices).
type index struct {
	dir    string   // path of the record directory
	root   *os.Root // the record directory, as opened by openIndex, or by check after a new mount
	read   Reader
	items  map[string]*Item  // by path
	intern map[string]string // names of streams and pipelines, stored once for all items
	id     string            // content of the identity file; empty before the file exists
	dates
}

func openIndex(dir string, read Reader) (*index, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("retention: %w", err)
	}
	return &index{dir: dir, root: root, read: read, items: map[string]*Item{}, intern: map[string]string{}, dates: dates{firstSeenUTC: map[string]int64{}}}, nil
}

// check returns an error unless dir still leads to the directory that was opened before, or to a
// directory with the same identity, such as the same disk after a new mount. After an error nothing
// may be deleted.
func (s *index) check() error {
	root, err := os.OpenRoot(s.dir)
	if err != nil {
		return fmt.Errorf("retention: %w", err)
	}
	id, _ := root.ReadFile(s.read.Identity) // missing before the first recording
	if !same(root, s.root) {
		if s.id == "" || string(id) != s.id {
			return errors.Join(fmt.Errorf("retention: %s is another directory than before: nothing is deleted there until the right disk is mounted again", s.dir), root.Close())
		}
		root, s.root = s.root, root
	}
	if s.id == "" {
		s.id = string(id)
	}
	return root.Close()
}

// same reports whether a and b are the same directory.
func same(a, b *os.Root) bool {
	x, err := a.Stat(".")
	if err != nil {
		return false
	}
	y, err := b.Stat(".")
	return err == nil && os.SameFile(x, y)
}

// scan lists every file of the record directory again, and opens those that are new or have
// changed. It omits hidden directories, and directories that cannot be read: their files are then
// not deleted.
func (s *index) scan(ctx context.Context, now time.Time) error {
	seen := make(map[string]*Item, len(s.items))
	// DirFS follows a link to the directory itself, as the recorder does.
	err := fs.WalkDir(os.DirFS(s.dir), ".", func(rel string, d fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil && rel == ".":
			return err
		case err != nil:
			return nil
		case d.IsDir() && rel != "." && hidden(d.Name()):
			return fs.SkipDir
		case !d.Type().IsRegular():
			return nil
		}
		if it := s.itemOf(rel, d, now); it != nil {
			seen[it.Path] = it
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("retention: scan the record directory: %w", err)
	}
	s.items = seen
	maps.DeleteFunc(s.firstSeenUTC, func(path string, _ int64) bool { return seen[path] == nil })
	return nil
}

func hidden(name string) bool { return strings.HasPrefix(name, ".") }

// path returns the path of the operating system for an item's path.
func (s *index) path(rel string) string { return filepath.Join(s.dir, filepath.FromSlash(rel)) }

// direct reports whether a path stays below the record directory and none of its directories is a
// symbolic link. Only such paths are found by a scan.
func (s *index) direct(rel string) bool {
	if !filepath.IsLocal(rel) {
		return false
	}
	for dir := path.Dir(rel); dir != "."; dir = path.Dir(dir) {
		if info, err := os.Lstat(s.path(dir)); err != nil || !info.IsDir() {
			return false
		}
	}
	return true
}

// itemOf returns the item of a file. It returns nil if the name is not one of a recording or of a
// temporary file, if the file is gone, or if it cannot be read because of an error of the operating
// system.
func (s *index) itemOf(rel string, d fs.DirEntry, now time.Time) *Item {
	name := d.Name()
	temporary := hidden(name) && s.read.Temporary(name)
	part := strings.HasSuffix(name, ".mp4"+media.PartSuffix)
	if !temporary && !part && !strings.HasSuffix(name, ".mp4") {
		return nil
	}
	info, err := d.Info()
	if err != nil {
		return nil // removed meanwhile
	}
	file := s.path(rel)
	it := &Item{Path: rel, SizeBytes: info.Size(), RoomBytes: space(info), changedUTC: info.ModTime().UnixNano()}
	switch old := s.items[it.Path]; {
	case temporary:
		it.Kind = Orphan
	case old == nil || part && old.Stream == "" || !part && (old.changedUTC != it.changedUTC || old.SizeBytes != it.SizeBytes):
		if !s.readEntry(it, file) {
			return nil
		}
	default:
		size, changed, room := it.SizeBytes, it.changedUTC, it.RoomBytes
		*it = *old
		it.SizeBytes, it.changedUTC, it.RoomBytes = size, changed, room
	}
	if temporary || part && it.Kind != Foreign {
		it.unfinished(s.read.Writing(file), now)
	}
	s.date(it)
	return it
}

// unfinished classifies an unfinished file: as an orphan if nothing writes it and it was last
// modified more than orphanAge ago, else as growing. writing is the result of Reader.Writing.
func (it *Item) unfinished(writing bool, now time.Time) {
	it.Kind, it.EndUTC = Growing, it.changedUTC
	if !writing && now.UnixNano()-it.changedUTC > int64(orphanAge) {
		it.Kind = Orphan
	}
}

// readEntry sets an item's properties from its file. It returns false after an error of the
// operating system, which proves nothing about the file: the caller then neither counts nor deletes
// it. A file that cannot be parsed becomes Foreign.
func (s *index) readEntry(it *Item, path string) bool {
	rec, err := s.read.Entry(path)
	var system syscall.Errno
	switch {
	case errors.As(err, &system):
		return false
	case err != nil:
		it.Kind = Foreign
		return true
	}
	it.ID, it.StartUTC, it.EndUTC, it.Protected = rec.ID, rec.StartUTC, rec.EndUTC, rec.Protected
	it.Stream, it.Pipeline = s.name(rec.Stream), s.name(rec.Pipeline)
	if it.Kind = Footage; it.EndUTC == 0 {
		it.EndUTC = it.changedUTC
	}
	switch {
	case rec.State == media.StateRecording: // still written by its recorder or by recovery, even under its final name
		it.Kind, it.EndUTC = Growing, it.changedUTC
	case s.read.Event(rec):
		it.Kind = Event
	}
	return true
}

// name returns the stored copy of a name, so that items share it.
func (s *index) name(n string) string {
	if known, ok := s.intern[n]; ok {
		return known
	}
	s.intern[n] = n
	return n
}

// space returns the bytes that the deletion of a file gives back: its allocated blocks, or 0 if the
// file has a second hard link.
func space(info fs.FileInfo) int64 {
	bytes, links, ok := filesystem.Allocated(info)
	switch {
	case !ok:
		return info.Size()
	case links > 1:
		return 0
	case bytes == 0: // some FUSE and network file systems do not report blocks
		return info.Size()
	}
	return bytes
}

// list returns the items in no particular order.
func (s *index) list() []*Item {
	out := make([]*Item, 0, len(s.items))
	for _, it := range s.items {
		out = append(out, it)
	}
	return out
}

// reread reads an item again from its file, which is about to be deleted: above all the protection
// may have changed. It returns false if the file is gone, cannot be read, or carries another ID. It
// does not change SizeBytes, because the totals include the old value.
func (s *index) reread(it *Item, now time.Time) bool {
	path := s.path(it.Path)
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	it.changedUTC = info.ModTime().UnixNano()
	id, orphan := it.ID, it.Kind == Orphan
	if it.Stream != "" && (!s.readEntry(it, path) || it.ID != id) {
		return false
	}
	if orphan {
		it.unfinished(s.read.Writing(path), now)
	}
	s.date(it)
	return true
}
