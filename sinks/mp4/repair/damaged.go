package repair

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/disk"
)

// damagedFile is a file of another program under repair.
type damagedFile struct {
	f         disk.File
	sizeBytes int64
	headers   *filesystem.Ahead // reads box headers
	samples   readAhead         // reads samples
	tracks    []track
	moovAt    int64
	moov      []byte // payload of the moov

	judgedBytes   int64   // bytes of all samples checked so far: see whole
	walkedSamples int64   // number of samples of fragments read so far: see samples.run
	uniformBytes  int64   // total bytes of the samples in sample tables with one size for all samples
	ticks         []int64 // duration of each track in the fragment read last, in the order of tracks

	plan   copyPlan
	result Result
}

func newDamagedFile(f disk.File, size int64) *damagedFile {
	return &damagedFile{f: f, sizeBytes: size, headers: filesystem.NewAhead(f, size), samples: readAhead{f: f, sizeBytes: size}}
}

// extent is a range of bytes of a file.
type extent struct{ at, bytes int64 }

// top is a top-level box of a file. It may reach beyond the end of a truncated file.
type top struct {
	isobmff.Header
	at int64
}

// inspect determines the kind of the file, checks its media, and sets x.plan, the plan of the
// copy, and x.result. It returns ErrBeyondHelp if no media can be copied.
func (x *damagedFile) inspect() error {
	b, err := x.tops()
	if err != nil {
		return err
	}
	moov, mdat := b.moov, b.mdat
	switch {
	case !b.typed && moov.SizeBytes == 0 && mdat.SizeBytes == 0:
		return fmt.Errorf("no MP4 file: %w", ErrBeyondHelp)
	case moov.SizeBytes > 0 && moov.at+moov.SizeBytes <= x.sizeBytes:
		if err := x.readMoov(moov); err != nil {
			return err
		}
		if isobmff.Find(x.moov, "mvex") != nil {
			x.result.Found = Fragmented
			return x.keepFragments(moov.at + moov.SizeBytes)
		}
		x.result.Found = Plain
		return x.keepSamples(b.last)
	case mdat.SizeBytes > 0 && x.openHybrid(mdat):
		x.result.Found = Hybrid
		x.result.Reason = "the final moov is missing"
		return x.keepFragments(x.moovAt + 8 + int64(len(x.moov)))
	}
	x.result.Found = Plain
	return fmt.Errorf("there is no moov, and without it the samples have no boundaries: %w", ErrBeyondHelp)
}

// tops holds those top-level boxes of a damaged file that determine its kind. A missing box has
// size 0.
type tops struct {
	typed            bool // the first box is an ftyp or a styp
	moov, mdat, last top  // the first moov and the first mdat, and the last box
}

// tops reads the headers of the top-level boxes up to the first invalid one.
func (x *damagedFile) tops() (out tops, err error) {
	for at := int64(0); at < x.sizeBytes; {
		h, err := x.header(at)
		if err != nil {
			return out, ofDisk(err)
		}
		if !printable(h.Type) {
			return out, nil
		}
		if h.SizeBytes == 0 {
			h.SizeBytes = x.sizeBytes - at
		}
		out.last = top{h, at}
		out.typed = out.typed || at == 0 && (h.Is("ftyp") || h.Is("styp"))
		switch {
		case h.Is("moov") && out.moov.SizeBytes == 0:
			out.moov = out.last
		case h.Is("mdat") && out.mdat.SizeBytes == 0:
			out.mdat = out.last
		}
		at += h.SizeBytes
	}
	return out, nil
}

// header reads the header of the box at an offset. It reads a 64-bit size of 0 like a 32-bit size
// of 0, as "up to the end of the file": a crash came before the writer filled the size in.
func (x *damagedFile) header(at int64) (isobmff.Header, error) {
	h, err := isobmff.ReadHeader(x.headers, at, x.sizeBytes)
	if errors.Is(err, isobmff.ErrHeader) && h.SizeBytes == 1 {
		var large [8]byte
		if _, fails := x.headers.ReadAt(large[:], at+8); fails == nil && large == [8]byte{} {
			return isobmff.Header{Type: h.Type, HeaderBytes: 16}, nil
		}
	}
	return h, err
}

// ofDisk returns err if the disk caused it, and nil if the content of the file did.
func ofDisk(err error) error {
	if isobmff.IsContent(err) {
		return nil
	}
	return err
}

func printable(fourcc isobmff.FourCC) bool {
	for _, c := range fourcc {
		if c < 0x20 || c == 0x7f {
			return false
		}
	}
	return true
}

// openHybrid opens a hybrid file whose final moov is missing. The writer of such a file writes a
// fragmented file, and at the end hides its moov and its fragments in an mdat. openHybrid
// searches the mdat for that moov, and reports whether it found it. If so, it adds a patch to
// x.plan that replaces the header of the mdat by the header of a free box that ends before the
// moov.
func (x *damagedFile) openHybrid(mdat top) bool {
	x.headers = filesystem.NewAhead(x.f, x.sizeBytes) // Ahead reads forwards, and this walk goes back
	for at := mdat.at + mdat.HeaderBytes; at < x.sizeBytes; {
		h, err := x.header(at)
		if err != nil || h.SizeBytes == 0 || !printable(h.Type) {
			return false
		}
		if h.Is("moov") {
			if at+h.SizeBytes > x.sizeBytes || x.readMoov(top{h, at}) != nil || isobmff.Find(x.moov, "mvex") == nil {
				return false
			}
			free, fits := freeHeader(mdat, at)
			if !fits {
				return false
			}
			x.plan.patches = append(x.plan.patches, patch{mdat.at, free})
			return true
		}
		if !h.Is("ftyp") && !h.Is("free") && !h.Is("skip") {
			return false
		}
		at += h.SizeBytes
	}
	return false
}

// freeHeader returns the header of a free box from the start of an mdat up to end, and reports
// whether it fits in the place of the mdat's header. A free box of more than 32 bits needs 16 bytes.
func freeHeader(mdat top, end int64) (header []byte, fits bool) {
	free := isobmff.Writer{}
	size := end - mdat.at
	switch {
	case size <= math.MaxUint32:
		free.U32(uint32(size))
		free.B = append(free.B, "free"...)
	case mdat.HeaderBytes == 16:
		free.LargeHeader("free", size)
	default:
		return nil, false
	}
	return free.B, true
}

// readMoov reads the payload and the tracks of a moov. It leaves out a track whose trak it cannot
// read, and returns ErrBeyondHelp if no track is left.
func (x *damagedFile) readMoov(b top) error {
	moov, err := isobmff.ReadPayload(x.f, b.at, b.Header, x.sizeBytes, isobmff.MaxMoovBytes)
	if err != nil {
		return err
	}
	x.moovAt, x.moov = b.at, moov
	if b.HeaderBytes != 8 {
		return fmt.Errorf("moov has a %d-byte header: %w", b.HeaderBytes, ErrBeyondHelp)
	}
	x.tracks = nil
	defaults := readTrex(isobmff.Find(moov, "mvex"))
	for boxes := isobmff.Walk(moov); len(x.tracks) <= maxTracks && boxes.Next(); {
		if boxes.Is("trak") {
			if t, ok := parseTrack(boxes.Payload, defaults); ok {
				x.tracks = append(x.tracks, t)
			}
		}
	}
	x.samples.spareBytes = int64(len(x.tracks)+1) * x.sizeBytes // to read the file once for each track, and once more
	switch n := len(x.tracks); {
	case n == 0:
		return fmt.Errorf("the moov has no track: %w", ErrBeyondHelp)
	case n > maxTracks:
		return fmt.Errorf("the moov at byte %d has more than %d tracks: %w", b.at, maxTracks, ErrBeyondHelp)
	}
	return nil
}

// kept adds ticks to the duration of the kept samples of the track t. Result.Kept becomes the
// longest of these durations of all tracks.
func (x *damagedFile) kept(t *track, ticks int64) {
	t.keptTicks += ticks
	x.result.Kept = max(x.result.Kept, time.Duration(media.ToNanos(t.keptTicks, t.timescale)))
}

// lost adds d to Result.Lost, the duration of the lost media. It sets Result.Reason to why if it
// is empty.
func (x *damagedFile) lost(d time.Duration, why string) {
	x.result.Lost += d
	if x.result.Reason == "" {
		x.result.Reason = why
	}
}
