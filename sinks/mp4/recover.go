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

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/disk"
)

// Repaired tells what recovery made of one file that a crash left behind.
type Repaired struct {
	Found     Found           // RepairAny: what the file is
	Copy      string          // RepairAny: the repaired copy of a file that is not ours
	Whole     bool            // nothing was wrong with it, and nothing was done
	Kept      time.Duration   // RepairAny: media that is kept
	File      string          // as it was found, below the record directory
	Recording media.Recording // of the finished file; its State is empty where there is none, and its ID that of a file that was removed
	Removed   bool            // it held no whole chunk, and was deleted
	Lost      time.Duration   // media that was in the file and could not be kept; where its length is not told, an estimate by size
	Unwritten Unwritten       // media that was lost without having come to the file
	LostBytes int64
	Reason    string // why something was lost
	Err       error  // the file is as it was found, or finishing it failed; with a Recording that has a State, it is finished and a power cut may undo it
}

// ErrBeyondHelp says that a file holds nothing that can be brought back. It is
// left as it is.
var ErrBeyondHelp = errors.New("nothing in the file can be brought back; it is left as it is")

// Recover finishes the files of a record directory that a crash left behind:
// each NAME.mp4.part that no process writes. It reports each in turn and goes on
// after a failure; its own error says that a directory cannot be read, or is
// not the one that this process records to, or that ctx ended. It is safe beside
// recorders of this and of other processes.
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
		r := repair(fsys, name)
		if errors.Is(r.Err, disk.ErrOwned) || errors.Is(r.Err, fs.ErrNotExist) {
			continue // another process writes it, or finished it just now
		}
		report(r)
	}
	if unread != nil {
		return fmt.Errorf("recover: %w", unread)
	}
	return nil
}

// partFiles lists the growing files below a directory, in order of their names,
// and what could not be read. A directory that is not to be read by us, such as
// the lost+found of a disk, holds no file of ours.
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

// Repair finishes one file that a crash left behind, in place: the only copy is
// never overwritten, and what is not known to be damage is not cut off.
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
	r := repair(fsys, filepath.Base(file))
	return r, r.Err
}

func repair(fsys disk.FS, name string) (r Repaired) {
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
	case errors.Is(err, errNoHeader), errors.Is(err, ErrNotOurs):
		if r.discard(fsys, f, err, "the file ends before its first chunk"); r.Removed {
			r.Unwritten = unwritten(0)
		}
		return r
	case err != nil:
		r.Err = err
		return r
	case form == headless:
		if r.Err = file.writeSize(file.lay.reserve); r.Err == nil {
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
			r.Recording.ID, _ = media.ParseID(file.entry.identity.ID) // its row is about nothing
			return r
		}
	}
	if r.Err == nil {
		r.publish(fsys, file)
	}
	return r
}

// rebuild scans a growing file and finishes what is whole.
func (r *Repaired) rebuild(f *file) {
	if r.Err = r.scan(f); r.Err != nil || f.units == 0 {
		return
	}
	if r.Err = f.f.Truncate(f.size); r.Err != nil {
		r.Err = f.fail("truncate", f.size, r.Err)
		return
	}
	_, r.Err = f.finish(media.StateRecovered, media.EndCrash)
}

// scan takes in every whole chunk. Damage in the middle costs the chunks up to
// the next key frame; everything from the last whole chunk on is cut off.
func (r *Repaired) scan(f *file) error {
	size, err := f.f.Size()
	if err != nil {
		return err
	}
	s := newChunkScan(f, size, f.size)
	var skipped []extent
	broken := false
	for {
		v, head, n, err := s.next()
		if err != nil {
			return err
		}
		if v == nothing {
			r.tail(s, head, skipped)
			break
		}
		keep := v == whole && (!broken || f.startsGOP()) && f.fits()
		if !keep {
			broken = true
			skipped = append(skipped, extent{s.pos, n})
		} else {
			if len(skipped) > 0 {
				if err := r.skip(f, skipped); err != nil {
					return err
				}
				skipped, broken = nil, false
			}
			f.took(&f.frag, s.pos+head+8, n)
		}
		s.pos += n
	}
	return nil
}

// startsGOP tells whether the fragment that was read begins with a sync sample
// of the lead track.
func (f *file) startsGOP() bool {
	for i := range f.frag.runs {
		if r := &f.frag.runs[i]; r.track == &f.tracks[f.lead] {
			return r.cols.Flags[0]&media.FlagSync != 0
		}
	}
	return false
}

// fits tells whether the fragment that was read goes on where the file ends.
func (f *file) fits() bool {
	for i := range f.frag.runs {
		r := &f.frag.runs[i]
		if r.track.begun && r.cols.DTS[0] <= r.track.last {
			return false
		}
	}
	return f.frag.seq > f.seq
}

// skip leaves out chunks in the middle of a file. In an ordinary file no table
// leads to them; in a fragmented one they become free boxes.
func (r *Repaired) skip(f *file, chunks []extent) error {
	for _, c := range chunks {
		if f.lay.fragment {
			if err := f.blank(c); err != nil {
				return err
			}
			f.index.add(c.bytes, 0, 0, false, false)
		}
		r.LostBytes += c.bytes
		f.size += c.bytes
	}
	r.Reason = "chunks in the middle of the file are damaged"
	f.cutOut(chunks)
	lead := &f.tracks[f.lead]
	from := lead.mediaTime // where the file's time begins, for want of anything before
	if lead.begun {
		from = lead.table.end
	}
	for i := range f.frag.runs {
		if g := &f.frag.runs[i]; g.track == lead {
			r.Lost += time.Duration(media.ToNanos(g.cols.DTS[0]-from, lead.timescale))
		}
	}
	return nil
}

// blank makes free boxes of the boxes of a chunk.
func (f *file) blank(c extent) error {
	for at := c.at; at < c.at+c.bytes; {
		h, err := readHeader(f.f, at, c.at+c.bytes)
		if err != nil || h.size == 0 {
			return f.fail("blank damaged chunk", at, err)
		}
		if err := f.writeAt([]byte("free"), at+4); err != nil {
			return err
		}
		at += h.size
	}
	return nil
}

// tail accounts for what is behind the last whole chunk and will be cut off.
func (r *Repaired) tail(s *chunkScan, head int64, skipped []extent) {
	f := s.file
	left := s.size - f.size
	if left <= 0 || f.ownTail(s) {
		return
	}
	r.LostBytes += left
	r.Reason = "the end of the file is damaged or incomplete"
	lead := &f.tracks[f.lead]
	if head > 0 && len(skipped) == 0 {
		// The moof arrived and the payload did not: it tells what was on its way.
		if span, ok := f.spanOf(s.buf[:head]); ok {
			r.Lost += span
			return
		}
	}
	if kept := f.size - f.lay.chunks; kept > 0 {
		d := media.ToNanos(lead.table.duration(), lead.timescale)
		r.Lost += time.Duration(float64(d) * float64(left) / float64(kept))
	}
}

// spanOf is the duration of the longest run of a fragment whose payload is not
// there.
func (f *file) spanOf(head []byte) (span time.Duration, ok bool) {
	at := find(head, "moof")
	children(at, func(fourcc string, traf []byte) bool {
		if fourcc != "traf" {
			return true
		}
		g := fragment{}
		next := int64(8 + len(at) + 8)
		if len(g.runs) == 0 && f.parseTraf(&g, traf, &next) == nil {
			c := &g.runs[0].cols
			d := time.Duration(media.ToNanos(c.End-c.DTS[0], g.runs[0].track.timescale))
			if d > span && d < 24*time.Hour {
				span, ok = d, true
			}
		}
		return true
	})
	return span, ok
}

// ownTail tells whether what follows the last chunk is what finishing had begun
// to append, the moov or the last free box: cutting it off loses nothing.
func (f *file) ownTail(s *chunkScan) bool {
	if s.pos != f.size {
		return false
	}
	h, err := readHeader(f.f, s.pos, s.size)
	if err != nil || !h.is("free") {
		return false
	}
	if f.lay.fragment {
		return h.size == endBytes && s.size-s.pos == endBytes
	}
	inner, err := readHeader(f.f, s.pos+8, s.size)
	return err != nil && errors.Is(err, errNoHeader) || inner.is("moov")
}

// publish gives the file its name. Where a crash came between the two steps of
// a rename by hard link, it has the name already.
func (r *Repaired) publish(fsys disk.FS, f *file) {
	final := strings.TrimSuffix(r.File, media.PartSuffix)
	var err error
	if final == r.File { // somebody gave it that name, or a finished file was named
		r.Recording, r.Err = f.entry.recording(final, f.size)
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
		r.Recording, r.Err = f.entry.recording(final, f.size)
	}
	r.Err = errors.Join(r.Err, err)
}

// linked tells whether two names are one file.
func linked(fsys disk.FS, a, b string) bool {
	x, err := fsys.Stat(a)
	if err != nil {
		return false
	}
	y, err := fsys.Stat(b)
	return err == nil && os.SameFile(x, y)
}
