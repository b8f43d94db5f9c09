package mp4

import (
	"encoding/binary"
	"time"

	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/pipeline/media"
)

// keepFragments plans the copy of a fragmented file whose boxes after the moov
// begin at an offset. Damage in the middle costs what follows up to the next key
// frame: its boxes become free boxes, so that no offset moves.
func (x *foreign) keepFragments(at int64) error {
	x.copy.length = at
	x.in = filesystem.NewAhead(x.f, x.size) // the walk begins again
	var blanks []extent                     // boxes since the last whole fragment that may have to go
	var lostTicks time.Duration
	moof, broken, indexed := int64(-1), false, false
	for at < x.size {
		h, err := readHeader(x.in, at, x.size)
		if err != nil || h.size == 0 || !printable(h.fourcc) || at+h.size > x.size {
			if err := dropNoBox(err); err != nil {
				return err
			}
			break
		}
		switch {
		case h.is("moof"):
			moof = at
			blanks = append(blanks, extent{at, h.size})
		case h.is("mdat") && moof >= 0:
			g, err := x.readFragment(moof, at+h.length, at+h.size)
			if err != nil {
				return err
			}
			blanks = append(blanks, extent{at, h.size})
			if g.whole && (!broken || g.key) {
				x.blank(blanks[:len(blanks)-2])
				if len(blanks) > 2 {
					x.lost(lostTicks, "fragments in the middle of the file are damaged")
				}
				x.take(g)
				blanks, lostTicks, broken = blanks[:0], 0, false
				x.copy.length = at + h.size
			} else {
				broken = true
				lostTicks += g.span
			}
			moof = -1
		case h.is("moov") && x.r.Found == FoundHybrid:
			at = x.size // the beginning of the final one
			continue
		case len(blanks) == 0:
			x.copy.length = at + h.size // an index, or what announces the next fragment
			indexed = indexed || h.is("sidx")
		}
		at += h.size
	}
	if err := x.cutFragments(moof, lostTicks); err != nil {
		return err
	}
	if indexed && !x.copy.same(x.size) {
		var end boxes
		end.free(endBytes) // as finishIndex has it: no player takes the index for all there is
		x.copy.tail = end.b
	}
	return nil
}

// cutFragments accounts for what is behind the last whole fragment.
func (x *foreign) cutFragments(moof int64, spans time.Duration) error {
	if x.r.Recording.Duration == 0 {
		return ErrBeyondHelp
	}
	left := x.size - x.copy.length
	if left == 0 {
		return nil
	}
	if moof >= 0 { // it arrived, and its payload did not
		g, err := x.readFragment(moof, moof, moof)
		if err != nil {
			return err
		}
		spans += g.span
	}
	x.lost(spans, "the end of the file is damaged or incomplete")
	return nil
}

func (x *foreign) blank(boxes []extent) {
	for _, b := range boxes {
		x.copy.patches = append(x.copy.patches, patch{b.at + 4, []byte("free")})
		x.r.LostBytes += b.bytes
	}
}

// take accounts for a fragment that is kept.
func (x *foreign) take(g fragmentFound) {
	for i, ticks := range g.ticks {
		x.kept(&x.tracks[i], ticks)
	}
}

// fragmentFound is what is known of a fragment.
type fragmentFound struct {
	whole bool
	key   bool // it begins with a key frame, or has no pictures
	span  time.Duration
	ticks []int64 // duration, by track of the file; until the next is read
}

// readFragment judges every sample of the moof at an offset, whose payload is
// between two others.
func (x *foreign) readFragment(at, data, end int64) (g fragmentFound, err error) {
	if x.ticks == nil {
		x.ticks = make([]int64, len(x.tracks))
	}
	clear(x.ticks)
	g = fragmentFound{whole: true, key: true, ticks: x.ticks}
	h, err := readHeader(x.in, at, x.size)
	if err != nil || h.size > maxMoof {
		return fragmentFound{ticks: g.ticks}, dropNoBox(err)
	}
	moof, err := readBox(x.in, at, h, x.size)
	if err != nil {
		return g, err
	}
	s := samples{file: x, moof: at, next: at, data: data, end: end, found: &g}
	if !children(moof, func(fourcc string, traf []byte) bool {
		if fourcc == "traf" {
			s.traf(traf)
		}
		return s.err == nil
	}) {
		g.whole = false
	}
	for i := range x.tracks {
		g.span = max(g.span, time.Duration(media.ToNanos(min(g.ticks[i], 1<<40), x.tracks[i].timescale)))
	}
	return g, s.err
}

// samples walks the samples of one fragment (ISO/IEC 14496-12, 8.8).
type samples struct {
	file      *foreign
	moof      int64
	next      int64 // where the next run begins, where it does not say
	data, end int64
	found     *fragmentFound
	err       error
}

// fields reads 32-bit values as long as there are any.
type fields struct {
	b     []byte
	short bool
}

func (f *fields) u32() uint32 {
	if len(f.b) < 4 {
		f.short = true
		return 0
	}
	v := binary.BigEndian.Uint32(f.b)
	f.b = f.b[4:]
	return v
}

const (
	tfhdBaseOffset   = 0x000001
	tfhdDescription  = 0x000002
	tfhdSize         = 0x000010
	sampleIsNonSync  = 0x00010000
	maxTrackDuration = 1 << 40 // ticks of a fragment that can be meant
)

func (s *samples) traf(traf []byte) {
	f := fields{b: find(traf, "tfhd")}
	flags, id := f.u32()&0xffffff, f.u32()
	n := -1
	for i := range s.file.tracks {
		if s.file.tracks[i].id == id {
			n = i
		}
	}
	if n < 0 {
		return // of a track that nobody plays
	}
	t := s.file.tracks[n]
	base := s.next
	if flags&tfhdBaseOffset != 0 {
		base = int64(uint64(f.u32())<<32 | uint64(f.u32()))
	} else if flags&tfhdBaseIsMoof != 0 || s.next == s.moof {
		base = s.moof
	}
	for _, d := range [...]struct {
		flag uint32
		into *uint32
	}{{tfhdDescription, new(uint32)}, {tfhdDuration, &t.duration}, {tfhdSize, &t.size}, {tfhdFlags, &t.flags}} {
		if flags&d.flag != 0 {
			*d.into = f.u32()
		}
	}
	s.found.whole = s.found.whole && !f.short
	pos, first := base, true
	children(traf, func(fourcc string, trun []byte) bool {
		if fourcc == "trun" {
			pos = s.run(&t, n, trun, base, pos, first)
			first = false
		}
		return s.err == nil
	})
	s.next = pos
}

// run judges the samples of one trun and tells where it ends.
func (s *samples) run(t *foreignTrack, n int, trun []byte, base, pos int64, first bool) int64 {
	f := fields{b: trun}
	flags, count := f.u32()&0xffffff, f.u32()
	if flags&trunDataOffset != 0 {
		pos = base + int64(int32(f.u32()))
	}
	leading := t.flags
	if flags&trunFirstFlags != 0 {
		leading = f.u32()
	}
	for i := uint32(0); i < count && !f.short && s.err == nil; i++ {
		if s.file.walked++; s.file.walked > 2*s.file.size {
			f.short = true // more samples than bytes: walking them would have no end
			break
		}
		duration, size, sample := t.duration, t.size, t.flags
		if i == 0 {
			sample = leading
		}
		for _, d := range [...]struct {
			flag uint32
			into *uint32
		}{{trunDuration, &duration}, {trunSize, &size}, {trunFlags, &sample}, {trunCompositionTO, new(uint32)}} {
			if flags&d.flag != 0 {
				*d.into = f.u32()
			}
		}
		if first && i == 0 && t.video && sample&sampleIsNonSync != 0 {
			s.found.key = false
		}
		s.found.ticks[n] = min(s.found.ticks[n]+int64(duration), maxTrackDuration)
		if s.found.whole {
			s.judge(t, pos, int64(size))
		}
		pos += int64(size)
	}
	s.found.whole = s.found.whole && !f.short
	return pos
}

func (s *samples) judge(t *foreignTrack, at, n int64) {
	ok := at >= s.data && at+n <= s.end
	if ok {
		ok, s.err = s.file.whole(t, at, n)
	}
	s.found.whole = s.found.whole && ok
}
