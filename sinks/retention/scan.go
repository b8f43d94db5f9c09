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

	"github.com/gospool/spool/pipeline/media"
)

// orphanAge is how long nobody has written a file before it counts as left
// behind.
const orphanAge = time.Hour

// Reader is what a scan asks about files. Paths are as the system writes them.
type Reader struct {
	// Entry reads the catalogue entry that a file carries. An error that is not
	// about the system says that the file is not ours.
	Entry func(path string) (media.Recording, error)
	// Writing reports whether somebody writes a file, or recovery may still
	// finish it.
	Writing func(path string) bool
	// Temporary reports whether a hidden file was made by us for a moment only.
	Temporary func(name string) bool
	// Identity is the name of the file that tells the record directory from
	// another one in its place.
	Identity string
	// Event reports whether a recording is of an event.
	Event func(media.Recording) bool
}

// index is the record directory as it was last seen.
type index struct {
	dir    string
	root   *os.Root
	read   Reader
	items  map[string]*Item  // by path
	intern map[string]string // streams' and pipelines' names, each once
	id     string            // what the identity file said; empty before it was there
	dates
}

func openIndex(dir string, read Reader) (*index, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("retention: %w", err)
	}
	return &index{dir: dir, root: root, read: read, items: map[string]*Item{}, intern: map[string]string{}, dates: dates{made: map[string]int64{}}}, nil
}

// check makes sure that the path still leads to the directory that was opened,
// or to the same disk mounted again.
func (s *index) check() error {
	root, err := os.OpenRoot(s.dir)
	if err != nil {
		return fmt.Errorf("retention: %w", err)
	}
	id, _ := root.ReadFile(s.read.Identity) // nothing was recorded yet
	if !same(root, s.root) {
		if s.id == "" || string(id) != s.id {
			return errors.Join(fmt.Errorf("retention: %s is not the one that it was: nothing is deleted there until it is mounted again", s.dir), root.Close())
		}
		root, s.root = s.root, root
	}
	if s.id == "" {
		s.id = string(id)
	}
	return root.Close()
}

func same(a, b *os.Root) bool {
	x, err := a.Stat(".")
	if err != nil {
		return false
	}
	y, err := b.Stat(".")
	return err == nil && os.SameFile(x, y)
}

// scan looks at every file. Only those that are new or have changed are opened.
// A directory that cannot be read is left out: what is not seen is not deleted.
func (s *index) scan(ctx context.Context, now time.Time) error {
	seen := make(map[string]*Item, len(s.items))
	// DirFS follows a link to the directory itself, as whoever records to it does.
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
		if it := s.look(rel, d, now); it != nil {
			seen[it.Path] = it
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("retention: look at the record directory: %w", err)
	}
	s.items = seen
	maps.DeleteFunc(s.made, func(path string, _ int64) bool { return seen[path] == nil })
	return nil
}

func hidden(name string) bool { return strings.HasPrefix(name, ".") }

// path returns where the system finds an item.
func (s *index) path(rel string) string { return filepath.Join(s.dir, filepath.FromSlash(rel)) }

// direct reports whether no link leads to a path: a scan follows none.
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

// look makes an item of a file, nil of one that is no footage.
func (s *index) look(rel string, d fs.DirEntry, now time.Time) *Item {
	name := d.Name()
	temporary := hidden(name) && s.read.Temporary(name)
	part := strings.HasSuffix(name, ".mp4"+media.PartSuffix)
	if !temporary && !part && !strings.HasSuffix(name, ".mp4") {
		return nil
	}
	info, err := d.Info()
	if err != nil {
		return nil // it went
	}
	file := s.path(rel)
	it := &Item{Path: rel, Size: info.Size(), Room: space(info), changed: info.ModTime().UnixNano()}
	switch old := s.items[it.Path]; {
	case temporary:
		it.Kind = Orphan
	case old == nil || part && old.Stream == "" || !part && (old.changed != it.changed || old.Size != it.Size):
		if !s.know(it, file) {
			return nil
		}
	default:
		size, changed, room := it.Size, it.changed, it.Room
		*it = *old
		it.Size, it.changed, it.Room = size, changed, room
	}
	if temporary || part && it.Kind != Foreign {
		it.unfinished(s.read.Writing(file), now)
	}
	s.date(it)
	return it
}

// unfinished tells a growing file from one that was left behind.
func (it *Item) unfinished(writing bool, now time.Time) {
	it.Kind, it.EndUTC = Growing, it.changed
	if !writing && now.UnixNano()-it.changed > int64(orphanAge) {
		it.Kind = Orphan
	}
}

// know reads the file's entry. A system's error says nothing about the file: it
// is not counted, and so not touched.
func (s *index) know(it *Item, path string) bool {
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
		it.EndUTC = it.changed
	}
	switch {
	case rec.State == media.StateRecording: // under a finished name: recovery or its writer is at it
		it.Kind, it.EndUTC = Growing, it.changed
	case s.read.Event(rec):
		it.Kind = Event
	}
	return true
}

func (s *index) name(n string) string {
	if known, ok := s.intern[n]; ok {
		return known
	}
	s.intern[n] = n
	return n
}

// space returns what deleting a file gives back. One with a second name gives nothing.
func space(info fs.FileInfo) int64 {
	st, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !ok:
		return info.Size()
	case st.Nlink > 1:
		return 0
	case st.Blocks == 0: // some file systems over FUSE and the net do not tell
		return info.Size()
	}
	return st.Blocks * 512
}

// list returns the items in no order.
func (s *index) list() []*Item {
	out := make([]*Item, 0, len(s.items))
	for _, it := range s.items {
		out = append(out, it)
	}
	return out
}

// fresh reads again what may have changed about an item that is to go, its
// protection above all; false: it is gone, or no longer the file that it was.
// Its size is left to who counts.
func (s *index) fresh(it *Item, now time.Time) bool {
	path := s.path(it.Path)
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	it.changed = info.ModTime().UnixNano()
	id, orphan := it.ID, it.Kind == Orphan
	if it.Stream != "" && (!s.know(it, path) || it.ID != id) {
		return false
	}
	if orphan {
		it.unfinished(s.read.Writing(path), now)
	}
	s.date(it)
	return true
}
