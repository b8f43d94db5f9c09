package repair

import (
	"time"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// fragmentFound holds the result of reading and checking one fragment.
type fragmentFound struct {
	whole bool          // all samples are in the file and intact
	key   bool          // the fragment begins with a key frame, or has no video
	span  time.Duration // duration of the longest track in the fragment
	ticks []int64       // duration of each track, in the order of damagedFile.tracks; valid until the next read
}

// readFragment checks every sample of the moof at offset at, whose payload is between the
// offsets data and end.
func (x *damagedFile) readFragment(at, data, end int64) (g fragmentFound, err error) {
	if x.ticks == nil {
		x.ticks = make([]int64, len(x.tracks))
	}
	clear(x.ticks)
	g = fragmentFound{whole: true, key: true, ticks: x.ticks}
	h, err := x.header(at)
	if err != nil || h.SizeBytes > isobmff.MaxMoofBytes {
		return fragmentFound{ticks: g.ticks}, ofDisk(err)
	}
	moof, err := isobmff.ReadPayload(x.headers, at, h, x.sizeBytes, isobmff.MaxMoofBytes)
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

// samples reads the samples of one fragment (ISO/IEC 14496-12, 8.8). Offsets are bytes of the file.
type samples struct {
	file      *damagedFile
	moof      int64 // offset of the moof
	next      int64 // offset of the next track run if it has no data offset
	data, end int64 // start and end of the payload
	found     *fragmentFound
	err       error
}

// maxTrackTicks is the longest plausible duration of a track in a fragment.
const maxTrackTicks = 1 << 40

// traf reads one traf and checks its samples. It skips a traf of a track that the moov lacks.
func (s *samples) traf(traf []byte) {
	h, whole := isobmff.ReadTfhd(isobmff.Find(traf, "tfhd"))
	n := -1
	for i := range s.file.tracks {
		if s.file.tracks[i].id == h.TrackID {
			n = i
		}
	}
	if n < 0 {
		return
	}
	t := s.file.tracks[n]
	t.defaults = h.Over(t.defaults)
	base := s.next
	if h.Flags&isobmff.TfhdBaseDataOffset != 0 {
		base = h.BaseDataOffset
	} else if h.Flags&isobmff.TfhdBaseIsMoof != 0 || s.next == s.moof {
		base = s.moof
	}
	s.found.whole = s.found.whole && whole
	pos, first := base, true
	for boxes := isobmff.Walk(traf); s.err == nil && boxes.Next(); {
		if boxes.Is("trun") {
			pos = s.run(&t, n, boxes.Payload, base, pos, first)
			first = false
		}
	}
	s.next = pos
}

// run checks the samples of one trun, and returns the offset of the end of its last sample. pos is
// the offset of its first sample, unless the trun has a data offset, which counts from base. n is
// the index of the track; first is set for the first trun of a traf.
func (s *samples) run(t *track, n int, payload []byte, base, pos int64, first bool) int64 {
	trun, whole := isobmff.ReadTrun(payload)
	if !whole {
		s.found.whole = false
		return pos
	}
	if trun.Flags&isobmff.TrunDataOffset != 0 {
		pos = base + int64(trun.DataOffset)
	}
	s.found.whole = s.found.whole && trun.Whole()
	for i := 0; i < trun.Len() && s.err == nil; i++ {
		if s.file.walkedSamples++; s.file.walkedSamples > 2*s.file.sizeBytes {
			s.found.whole = false // many more samples than bytes: the tables are damaged
			break
		}
		sample := trun.Sample(i, &t.defaults)
		if first && i == 0 && t.video && !sample.Sync() {
			s.found.key = false
		}
		s.found.ticks[n] = min(s.found.ticks[n]+int64(sample.DurationTicks), maxTrackTicks)
		if s.found.whole {
			s.judge(t, pos, int64(sample.SizeBytes))
		}
		pos += int64(sample.SizeBytes)
	}
	return pos
}

// judge marks the fragment as not whole (fragmentFound.whole) unless the n bytes at offset at
// lie in the fragment's payload and are an intact sample of the track t.
func (s *samples) judge(t *track, at, n int64) {
	ok := at >= s.data && at+n <= s.end
	if ok {
		ok, s.err = s.file.whole(t, at, n)
	}
	s.found.whole = s.found.whole && ok
}
