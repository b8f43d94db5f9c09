package mp4

import (
	"errors"
	"fmt"
	"math"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/disk"
)

// pageBytes is the alignment of the end of the reserve (layout.reserveAt): the reserve can then
// be deallocated in whole blocks, and recovery can search page by page for the growing moov
// behind it.
const pageBytes = 4096

// layout holds the offsets of the parts of a growing file, in bytes from its start.
type layout struct {
	fragment          bool
	reserveAt         int64 // the free box that reserves room for the final moov or the sidx
	reserveBytes      int64 // size of that free box, including its header
	moovAt, moovBytes int64 // the growing moov, and its size including its header
	mehdAt            int64 // mehd, or the free box in its place
	entryAt           int64 // the box of the catalogue entry in the growing moov
	chunksAt          int64 // offset of the first chunk
}

// file is a segment's file while it grows, or while recovery finishes it.
type file struct {
	f              disk.File
	name           string // current name below the open directory, with media.PartSuffix
	lay            layout
	tracks         []track
	lead           int // index of the lead track in tracks
	entry          entry
	seed           uint32 // seed of the chunks' checksums: see seedOf
	noSync         bool   // sync: none
	sizeBytes      int64  // end of the last whole chunk, bytes
	seq            uint32 // sequence number of the last fragment (mfhd)
	endUTC         int64  // end of the media of the newest chunk
	startSteppedNS int64  // SteppedNS of the first chunk
	steppedNS      int64  // SteppedNS of the newest chunk
	index          index  // references of the future sidx; with fragment: true only
	gaps           []media.Gap
	anchoring      media.Anchoring
	gapBehind      bool   // a next segment follows at once, whose Gap reports the media missing between the two files
	committed      bool   // the write that makes the file a finished one may have reached the disk
	filledBytes    int64  // bytes of gaps and anchors that finishing wrote in place
	asGrown        bool   // finished as a fragmented file without a sidx, since the disk or the reserve had no room
	moovSum        uint32 // checksum of the final moov of an ordinary file
	units          uint64 // written access units
	dropped        uint64 // access units left out because their DTS did not follow the track's last sample
	syncFail       error  // the first failed fsync, which is never retried
	cache          disk.PageCache
	ahead          disk.Preallocation
	maxBytes       int64 // largest permitted size; 0: unlimited
	gopAt          int64 // offset of the current GOP's first chunk
	maxGOPBytes    int64 // bytes of the longest GOP

	beyond       []media.Event // events that the entry has no room for; announce emits them
	protectedBy  media.ID      // the event that requires the file's protection; zero: none
	countedBytes int64         // size of the file when its protection was granted

	w    isobmff.Writer
	iov  [][]byte
	frag fragment
}

// newFile prepares the file of a segment from its first chunk, which determines the file's time
// 0. everyNS is the shortest duration of a sidx reference. newFile does no I/O.
func newFile(seg *media.Segment, first *media.Chunk, fragment bool, everyNS int64) (*file, error) {
	f := &file{entry: newEntry(seg), lead: seg.Set.Lead()}
	f.beyond = seg.Events[media.Namable(seg.Events):]
	info := seg.Set.Info()
	for i := range seg.Set.Tracks {
		t, err := newTrack(uint32(i+1), &seg.Set.Tracks[i], info[i])
		if err != nil {
			return nil, err
		}
		f.tracks = append(f.tracks, t)
	}
	place(f.tracks, seg.Set, first)
	f.lay.fragment = fragment
	f.startSteppedNS, f.steppedNS = first.SteppedNS, first.SteppedNS
	f.index.everyTicks = media.FromNanos(everyNS, f.tracks[f.lead].timescale)
	f.seed = seedOf(f.entry.identity.ID)
	return f, nil
}

// writeHeader allocates the blocks of the boxes before the first chunk, writes these boxes, and
// sets f.lay and f.sizeBytes. The boxes are the ftyp, the growing moov and the reserve, a free
// box of at least want bytes into which finishing puts the final moov or the sidx.
func (f *file) writeHeader(want int64) error {
	room := make([]byte, f.tableBytes())
	ftyp, moov := isobmff.Writer{B: room[:0:ftypRoomBytes]}, isobmff.Writer{B: room[ftypRoomBytes:][:0]}
	writeFtyp(&ftyp, f.tracks)
	mehd, entry := writeGrowingMoov(&moov, f.tracks, &f.entry)
	if moov.Err() != nil {
		return moov.Err()
	}
	l := &f.lay
	l.moovBytes = int64(len(moov.B))
	if l.fragment {
		l.moovAt = int64(len(ftyp.B))
		l.reserveAt = l.moovAt + l.moovBytes
		l.chunksAt = pageEnd(l.reserveAt + max(want, minReserveBytes))
		l.reserveBytes = l.chunksAt - l.reserveAt
	} else {
		l.reserveAt = int64(len(ftyp.B))
		l.moovAt = pageEnd(l.reserveAt + max(want, minReserveBytes))
		l.reserveBytes = l.moovAt - l.reserveAt
		l.chunksAt = l.moovAt + l.moovBytes
	}
	l.mehdAt, l.entryAt = l.moovAt+int64(mehd), l.moovAt+int64(entry)
	// The reserve is allocated now, so that the file can be finished on a full disk.
	allocated := f.f.Allocate(0, l.chunksAt)
	if allocated != nil && !errors.Is(allocated, errors.ErrUnsupported) {
		return f.fail("reserve", 0, allocated)
	}
	var reserve isobmff.Writer
	reserve.Header("free", uint32(l.reserveBytes))
	parts := [][]byte{ftyp.B, reserve.B}
	if l.fragment {
		parts = [][]byte{ftyp.B, moov.B, reserve.B}
	}
	if err := f.f.WritevAt(parts, 0); err != nil {
		return f.fail("write header", 0, err)
	}
	if allocated != nil {
		if err := f.fillReserve(); err != nil {
			return err
		}
	}
	if !l.fragment {
		if err := f.writeAt(moov.B, l.moovAt); err != nil {
			return err
		}
	} else if err := f.f.Truncate(l.chunksAt); err != nil {
		return f.fail("write header", l.chunksAt, err)
	}
	f.sizeBytes = l.chunksAt
	return nil
}

// fillReserve writes zeros into the reserve, the free box for the final moov or the sidx. It
// serves a file system that cannot allocate blocks: the file can then be finished on a full
// disk, too.
func (f *file) fillReserve() error {
	from, to := f.lay.reserveAt+8, f.lay.reserveAt+f.lay.reserveBytes
	zeros := make([]byte, min(to-from, 256<<10))
	for ; from < to; from += int64(len(zeros)) {
		if err := f.writeAt(zeros[:min(int64(len(zeros)), to-from)], from); err != nil {
			return err
		}
	}
	return nil
}

func pageEnd(n int64) int64 { return (n + pageBytes - 1) / pageBytes * pageBytes }

// write appends a chunk to the file as one fragment, with one call of WritevAt. It writes nothing
// if the file accepts no sample of the chunk (track.admit). After an error it truncates the file to
// its length before the chunk, as far as the disk allows.
func (f *file) write(c *media.Chunk) error {
	g := &f.frag
	if err := f.gather(g, c); err != nil || len(g.runs) == 0 {
		return err
	}
	g.seq, g.seed, g.at = f.seq+1, f.seed, f.sizeBytes
	g.bare = f.lay.fragment && f.seq == 0
	f.w.B = f.w.B[:0]
	g.writeHead(&f.w)
	f.iov = append(f.iov[:0], f.w.B)
	n := int64(len(f.w.B))
	for i := range g.runs {
		payload := &g.runs[i].cols.Payload
		f.iov = append(f.iov, payload.Blocks()...)
		n += int64(payload.Len())
	}
	f.ahead.Take(f.f, f.sizeBytes, f.sizeBytes-f.lay.chunksAt, n)
	if err := f.f.WritevAt(f.iov, f.sizeBytes); err != nil {
		// A partial chunk is useless: recovery would truncate it too.
		_ = f.f.Truncate(f.sizeBytes)
		return f.fail("write chunk", f.sizeBytes, err)
	}
	f.record(g, f.sizeBytes+int64(len(f.w.B)), n)
	f.steppedNS = c.SteppedNS
	return nil
}

// written returns the end of the media in the file, in nanoseconds: UTC less SteppedNS.
func (f *file) written() int64 { return f.endUTC - f.steppedNS }

// gather sets the gaps and the runs of g: the gaps of the chunk c, and the samples of c that the
// file accepts. It returns an error for a chunk that no fragment of the file can hold: its number
// of tracks differs, its time jumps, or it is too large.
func (f *file) gather(g *fragment, c *media.Chunk) error {
	if len(c.Tracks) != len(f.tracks) {
		return fmt.Errorf("%s: a chunk of %d tracks in a segment of %d: the segmenter cuts where tracks change", f.name, len(c.Tracks), len(f.tracks))
	}
	g.runs, g.lead, g.utc = g.runs[:0], 0, c.UTC
	g.collect(c)
	payload := 0
	for i := range c.Tracks {
		t := &f.tracks[i]
		cols, dropped := t.admit(&c.Tracks[i])
		f.dropped += uint64(dropped)
		g.noteDropped(i, &c.Tracks[i], dropped)
		if cols.Len() == 0 {
			continue
		}
		if from := cols.DTS[0] + t.shiftTicks; cols.EndTicks+t.shiftTicks-from > math.MaxUint32 || t.begun && from-t.lastTicks > math.MaxUint32 {
			if c.Set.Aside(i) { // silent for longer than a sample can last
				f.dropped += uint64(cols.Len())
				g.noteDropped(i, &cols, cols.Len())
				continue
			}
			return fmt.Errorf("%s: track %d: time jumps by more than one sample can last: the segmenter cuts at a gap", f.name, t.id)
		}
		if i == f.lead {
			g.lead = len(g.runs)
		}
		payload += cols.Payload.Len()
		g.runs = append(g.runs, run{t, cols})
	}
	if payload > math.MaxUint32/2 {
		return fmt.Errorf("%s: a chunk of %d bytes does not fit a fragment", f.name, payload)
	}
	return nil
}

// record adds a fragment to the file's tables and index, and to its size. The fragment has n
// bytes and is at the end of the file; its payload begins at offset data. The stage records a
// fragment after writing it, recovery after reading it.
func (f *file) record(g *fragment, data, n int64) {
	timed, at, sync := false, int64(0), false
	for i := range g.runs {
		r := &g.runs[i]
		t := r.track
		t.table.Add(&r.cols, t.shiftTicks, data)
		data += sizes(&r.cols)
		t.begun, t.lastTicks = true, r.cols.DTS[r.cols.Len()-1]+t.shiftTicks
		f.units += uint64(r.cols.Len())
		if t == &f.tracks[f.lead] {
			timed, sync = true, r.cols.Flags[0]&media.FlagSync != 0
			at = r.cols.DTS[0] + t.shiftTicks + int64(r.cols.OffsetTicks[0]) - t.mediaTimeTicks
		}
	}
	f.noteGaps(g, at, timed)
	if f.lay.fragment {
		f.index.add(n, g.prft(), at, timed, sync)
	}
	lead := &g.runs[g.lead]
	f.endUTC = g.utc + media.ToNanos(lead.cols.EndTicks-lead.cols.DTS[0], lead.track.timescale)
	f.seq = g.seq
	f.sizeBytes += n
}

func sizes(c *media.Columns) (n int64) {
	for _, s := range c.SizeBytes {
		n += int64(s)
	}
	return n
}

func (f *file) writeAt(b []byte, off int64) error {
	if _, err := f.f.WriteAt(b, off); err != nil {
		return f.fail("write", off, err)
	}
	return nil
}

func (f *file) fail(op string, off int64, err error) error {
	return disk.NewError(op, f.name, off, err)
}
