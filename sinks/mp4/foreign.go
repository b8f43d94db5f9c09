package mp4

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"time"

	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/disk"
)

// A file of another program is looked at from its boxes alone:
//
//	fragmented   ftyp moov{mvex} (.. moof mdat)*            cut behind the last whole fragment
//	hybrid       ftyp mdat{ moov{mvex} (.. moof mdat)* ..   the mdat's header becomes a free box again
//	plain        ftyp moov mdat, mdat cut or zeroed         tables of what is there, moov last
//	             ftyp mdat                                  beyond help: nothing tells the pictures apart
//
// It carries no checksums, so that what is whole is judged by its content: the
// NAL units must tile each picture, and no sample may be zeros.

// remake is how a repaired copy differs from its source: length bytes of it, with
// patches, and something behind them.
type remake struct {
	length  int64
	patches []patch
	tail    []byte
}

type patch struct {
	at int64
	b  []byte
}

// foreign is a file of another program under repair.
type foreign struct {
	f      disk.File
	size   int64
	in     *filesystem.Ahead // of headers
	tracks []foreignTrack
	moovAt int64
	moov   []byte // payload
	window window
	judged int64   // bytes of samples
	walked int64   // samples of fragments
	untold int64   // bytes of samples whose table says one size of all
	ticks  []int64 // of the fragment that was read last, by track
	copy   remake
	r      *Repaired
}

// top is a box at the top of a file. One that reaches beyond the end is cut.
type top struct {
	header
	at int64
}

func repairForeign(fsys disk.FS, name string) (r Repaired) {
	r.File = name
	f, err := fsys.OpenRead(name)
	if err != nil {
		r.Err = err
		return r
	}
	defer f.Close()
	x := &foreign{f: f, r: &r}
	if x.size, r.Err = f.Size(); r.Err == nil {
		r.Err = x.look()
	}
	if r.Err != nil {
		r.Err = fmt.Errorf("%s: %w", name, r.Err)
		return r
	}
	if r.Whole = x.copy.same(x.size); r.Whole {
		return r
	}
	r.LostBytes += max(x.size-x.copy.length, 0)
	r.Copy, r.Err = x.write(fsys, name)
	return r
}

func (c *remake) same(size int64) bool {
	return c.length == size && len(c.patches) == 0 && len(c.tail) == 0
}

// look finds out what the file is and makes the plan of its copy.
func (x *foreign) look() error {
	x.window, x.in = window{f: x.f, size: x.size}, filesystem.NewAhead(x.f, x.size)
	b, err := x.tops()
	if err != nil {
		return err
	}
	moov, mdat := b.moov, b.mdat
	switch {
	case !b.typed && moov.size == 0 && mdat.size == 0:
		return fmt.Errorf("no MP4 file: %w", ErrBeyondHelp)
	case moov.size > 0 && moov.at+moov.size <= x.size:
		if err := x.readMoov(moov); err != nil {
			return err
		}
		if find(x.moov, "mvex") != nil {
			x.r.Found = FoundFragmented
			return x.keepFragments(moov.at + moov.size)
		}
		x.r.Found = FoundPlain
		return x.keepSamples(b.last)
	case mdat.size > 0 && x.openHybrid(mdat):
		x.r.Found = FoundHybrid
		x.r.Reason = "the final moov is missing"
		return x.keepFragments(x.moovAt + 8 + int64(len(x.moov)))
	}
	x.r.Found = FoundPlain
	return fmt.Errorf("no moov, which alone tells the pictures apart: %w", ErrBeyondHelp)
}

// tops is what counts of the boxes at the top. A box that is not there has no size.
type tops struct {
	typed            bool // the first says of what type the file is
	moov, mdat, last top  // the first of their kind, and the last box
}

// tops looks at the boxes at the top, as far as they lead on.
func (x *foreign) tops() (out tops, err error) {
	for at := int64(0); at < x.size; {
		h, err := readHeader(x.in, at, x.size)
		if err != nil {
			return out, dropNoBox(err)
		}
		if !printable(h.fourcc) {
			return out, nil
		}
		if h.size == 0 {
			h.size = x.size - at
		}
		out.last = top{h, at}
		out.typed = out.typed || at == 0 && (h.is("ftyp") || h.is("styp"))
		switch {
		case h.is("moov") && out.moov.size == 0:
			out.moov = out.last
		case h.is("mdat") && out.mdat.size == 0:
			out.mdat = out.last
		}
		at += h.size
	}
	return out, nil
}

func printable(fourcc [4]byte) bool {
	for _, c := range fourcc {
		if c < 0x20 || c == 0x7f {
			return false
		}
	}
	return true
}

// openHybrid looks for the growing moov behind the header of an mdat that was
// put over everything.
func (x *foreign) openHybrid(mdat top) bool {
	x.in = filesystem.NewAhead(x.f, x.size) // the walk begins again
	for at := mdat.at + mdat.length; at < x.size; {
		h, err := readHeader(x.in, at, x.size)
		if err != nil || h.size == 0 || !printable(h.fourcc) {
			return false
		}
		if h.is("moov") {
			if at+h.size > x.size || x.readMoov(top{h, at}) != nil || find(x.moov, "mvex") == nil {
				return false
			}
			free := boxes{}
			if mdat.length == 16 && at > 1<<32-1 {
				return false
			}
			free.u32(uint32(at - mdat.at))
			free.b = append(free.b, "free"...)
			x.copy.patches = append(x.copy.patches, patch{mdat.at, free.b})
			return true
		}
		if !h.is("ftyp") && !h.is("free") && !h.is("skip") {
			return false
		}
		at += h.size
	}
	return false
}

// readMoov takes in the tracks of a moov.
func (x *foreign) readMoov(b top) error {
	moov, err := readBox(x.f, b.at, b.header, x.size)
	if err != nil {
		return err
	}
	x.moovAt, x.moov = b.at, moov
	if b.length != 8 {
		return fmt.Errorf("moov has a %d-byte header: %w", b.length, ErrBeyondHelp)
	}
	x.tracks = nil
	defaults := readTrex(find(moov, "mvex"))
	children(moov, func(fourcc string, trak []byte) bool {
		if fourcc == "trak" {
			if t, ok := parseForeignTrack(trak, defaults); ok {
				x.tracks = append(x.tracks, t)
			}
		}
		return len(x.tracks) <= maxTracks
	})
	x.window.spare = int64(len(x.tracks)+1) * x.size // each track goes through the file once
	switch n := len(x.tracks); {
	case n == 0:
		return fmt.Errorf("the moov has no track: %w", ErrBeyondHelp)
	case n > maxTracks:
		return fmt.Errorf("the moov at byte %d has more than %d tracks: %w", b.at, maxTracks, ErrBeyondHelp)
	}
	return nil
}

// write makes the copy: under a hidden name first, and durable before it has its
// own.
func (x *foreign) write(fsys disk.FS, name string) (string, error) {
	hiddenName := path.Join(path.Dir(name), "."+path.Base(repairedName(name, 0))+media.PartSuffix)
	out, err := fsys.Create(hiddenName)
	if errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("%s is there: an earlier repair was interrupted; remove it and try again", hiddenName)
	}
	if err != nil {
		return "", disk.NewError("create", hiddenName, 0, err)
	}
	defer out.Close()
	if _, dry := out.(*dryFile); !dry {
		if err = x.fill(out); err == nil {
			err = x.prove(out)
		}
	}
	if err == nil {
		err = out.Sync()
	}
	final := ""
	for n := 0; err == nil; n++ {
		final = repairedName(name, n)
		if err = fsys.Rename(hiddenName, final); err == nil {
			return final, fsys.SyncDir(path.Dir(name))
		}
		if errors.Is(err, fs.ErrExist) {
			err = nil
		}
	}
	if !errors.Is(err, ErrBeyondHelp) {
		err = disk.NewError("write repaired copy", hiddenName, 0, err)
	}
	return "", errors.Join(err, fsys.Remove(hiddenName))
}

// prove looks at the copy as at any file: only one in which nothing is wrong is
// given a name.
func (x *foreign) prove(out disk.File) error {
	size, err := out.Size()
	if err != nil {
		return err
	}
	again := &foreign{f: out, size: size, r: &Repaired{}}
	if err := again.look(); err != nil {
		return fmt.Errorf("the repaired copy is no better: %w", err)
	}
	if !again.copy.same(size) {
		return fmt.Errorf("the repaired copy is still damaged: %w", ErrBeyondHelp)
	}
	return nil
}

func (x *foreign) fill(out disk.File) error {
	b := make([]byte, scanBlock)
	for at := int64(0); at < x.copy.length; {
		n := min(int64(len(b)), x.copy.length-at)
		if _, err := x.f.ReadAt(b[:n], at); err != nil {
			return fmt.Errorf("read at byte %d: %w", at, err)
		}
		if _, err := out.WriteAt(b[:n], at); err != nil {
			return err
		}
		at += n
	}
	for _, p := range x.copy.patches {
		if _, err := out.WriteAt(p.b, p.at); err != nil {
			return err
		}
	}
	if len(x.copy.tail) == 0 {
		return nil
	}
	_, err := out.WriteAt(x.copy.tail, x.copy.length)
	return err
}

// kept accounts for media that is in the copy, lost for what is not.
func (x *foreign) kept(t *foreignTrack, ticks int64) {
	t.kept += ticks
	x.r.Recording.Duration = max(x.r.Recording.Duration, media.ToNanos(t.kept, t.timescale))
}

func (x *foreign) lost(d time.Duration, why string) {
	x.r.Lost += d
	if x.r.Reason == "" {
		x.r.Reason = why
	}
}
