package repair

import (
	"time"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// fragmentFound is what is known of a fragment.
type fragmentFound struct {
	whole bool
	key   bool // it begins with a key frame, or has no pictures
	span  time.Duration
	ticks []int64 // duration, by track of the file; until the next is read
}

// readFragment judges every sample of the moof at an offset, whose payload is
// between two others.
func (x *damagedFile) readFragment(at, data, end int64) (g fragmentFound, err error) {
	if x.ticks == nil {
		x.ticks = make([]int64, len(x.tracks))
	}
	clear(x.ticks)
	g = fragmentFound{whole: true, key: true, ticks: x.ticks}
	h, err := x.header(at)
	if err != nil || h.Size > maxMoof {
		return fragmentFound{ticks: g.ticks}, ofDisk(err)
	}
	moof, err := isobmff.ReadPayload(x.headers, at, h, x.size, maxMoof)
	if err != nil {
		return g, err
	}
	s := samples{file: x, moof: at, next: at, data: data, end: end, found: &g}
	boxes := isobmff.Walk(moof)
	for s.err == nil && boxes.Next() {
		if boxes.Is("traf") {
			s.traf(boxes.Payload)
		}
	}
	g.whole = g.whole && boxes.Whole()
	for i := range x.tracks {
		g.span = max(g.span, time.Duration(media.ToNanos(min(g.ticks[i], 1<<40), x.tracks[i].timescale)))
	}
	return g, s.err
}

// samples walks the samples of one fragment (ISO/IEC 14496-12, 8.8).
type samples struct {
	file      *damagedFile
	moof      int64
	next      int64 // where the next run begins, where it does not say
	data, end int64
	found     *fragmentFound
	err       error
}

const (
	tfhdBaseOffset  = 0x000001
	tfhdDescription = 0x000002
	tfhdDuration    = 0x000008
	tfhdSize        = 0x000010
	tfhdFlags       = 0x000020
	tfhdBaseIsMoof  = 0x020000

	trunDataOffset    = 0x000001
	trunFirstFlags    = 0x000004
	trunDuration      = 0x000100
	trunSize          = 0x000200
	trunFlags         = 0x000400
	trunCompositionTO = 0x000800

	sampleIsNonSync  = 0x00010000
	maxTrackDuration = 1 << 40 // ticks of a fragment that can be meant
)

func (s *samples) traf(traf []byte) {
	f := isobmff.NewFields(isobmff.Find(traf, "tfhd"))
	flags, id := f.U32()&0xffffff, f.U32()
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
		base = int64(uint64(f.U32())<<32 | uint64(f.U32()))
	} else if flags&tfhdBaseIsMoof != 0 || s.next == s.moof {
		base = s.moof
	}
	for _, d := range [...]struct {
		flag uint32
		into *uint32
	}{{tfhdDescription, new(uint32)}, {tfhdDuration, &t.duration}, {tfhdSize, &t.size}, {tfhdFlags, &t.flags}} {
		if flags&d.flag != 0 {
			*d.into = f.U32()
		}
	}
	s.found.whole = s.found.whole && !f.Short()
	pos, first := base, true
	for boxes := isobmff.Walk(traf); s.err == nil && boxes.Next(); {
		if boxes.Is("trun") {
			pos = s.run(&t, n, boxes.Payload, base, pos, first)
			first = false
		}
	}
	s.next = pos
}

// run judges the samples of one trun and tells where it ends.
func (s *samples) run(t *track, n int, trun []byte, base, pos int64, first bool) int64 {
	f := isobmff.NewFields(trun)
	flags, count := f.U32()&0xffffff, f.U32()
	if flags&trunDataOffset != 0 {
		pos = base + int64(int32(f.U32()))
	}
	leading := t.flags
	if flags&trunFirstFlags != 0 {
		leading = f.U32()
	}
	for i := uint32(0); i < count && !f.Short() && s.err == nil; i++ {
		if s.file.walkedSamples++; s.file.walkedSamples > 2*s.file.size {
			f.Fail() // more samples than bytes: walking them would have no end
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
				*d.into = f.U32()
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
	s.found.whole = s.found.whole && !f.Short()
	return pos
}

func (s *samples) judge(t *track, at, n int64) {
	ok := at >= s.data && at+n <= s.end
	if ok {
		ok, s.err = s.file.whole(t, at, n)
	}
	s.found.whole = s.found.whole && ok
}
