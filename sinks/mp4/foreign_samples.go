package mp4

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"github.com/gospool/spool/pipeline/media"
)

// sampleTable is the sample table of a track of an ordinary file, one entry a
// sample (ISO/IEC 14496-12, 8.6 and 8.7).
type sampleTable struct {
	at          []int64
	size        []uint32
	dts         []int64 // and one more: where the last sample ends
	offset      []int32 // empty: none
	sync        []bool  // empty: all
	description []uint32
	keep        []bool
	version     byte // of ctts

	// Where all samples have one size, those that the file has no room for are not
	// in the table: a few bytes may claim any number.
	uniform     uint32 // that size
	beyond      int
	beyondTicks int64
}

// maxSamples bounds what a damaged table can ask for: five weeks at 60 a second.
const maxSamples = 200 << 20

// maxUntold bounds the samples of a track whose table says one size of all.
const maxUntold = 1 << 20

// keepSamples plans the copy of an ordinary file: what is there and whole stays
// where it is, the old moov becomes a free box, and a moov with tables of what
// is left goes to the end.
func (x *foreign) keepSamples(last top) error {
	tables := make([]sampleTable, len(x.tracks))
	end, missing := int64(0), 0
	for i := range x.tracks {
		t := &x.tracks[i]
		s, ok := parseSampleTable(find(t.trak, "mdia", "minf", "stbl"), x.size-x.untold)
		if !ok {
			return fmt.Errorf("the sample table of track %d is damaged: %w", t.id, ErrBeyondHelp)
		}
		x.untold += int64(len(s.size)) * int64(s.uniform)
		n, err := x.judgeSamples(t, &s)
		if err != nil {
			return err
		}
		missing += n
		end = max(end, s.keptEnd())
		tables[i] = s
	}
	if x.r.Recording.Duration == 0 {
		return ErrBeyondHelp
	}
	if behind := last.at + last.size; end > behind { // the header of the mdat is damaged
		for i := range tables {
			if tables[i].keeps(behind, 8) {
				return fmt.Errorf("no box leads to the samples, and there is no room for one: %w", ErrBeyondHelp)
			}
		}
		x.copy.patches = append(x.copy.patches, patch{behind + 4, []byte("mdat")})
		last = top{header{[4]byte{'m', 'd', 'a', 't'}, x.size - behind, 8}, behind}
		missing++
	}
	x.copy.length = min(x.size, last.at+last.size)
	if missing == 0 && last.at+last.size <= x.size {
		return nil
	}
	if last.is("mdat") || last.at+last.size >= x.size { // or it has no size, and reaches over what is appended
		if end > last.at {
			x.copy.length = end // what follows is cut, torn or zeros
		}
		if !x.resize(last) {
			return fmt.Errorf("its last box has no room for its size: %w", ErrBeyondHelp)
		}
	}
	x.copy.patches = append(x.copy.patches, patch{x.moovAt + 4, []byte("free")})
	x.copy.tail = x.newMoov(tables)
	return nil
}

// resize lets the last box end where the copy does.
func (x *foreign) resize(last top) bool {
	n := x.copy.length - last.at
	switch {
	case last.length == 16:
		b := binary.BigEndian.AppendUint64(nil, uint64(n))
		x.copy.patches = append(x.copy.patches, patch{last.at + 8, b})
	case n <= math.MaxUint32:
		b := binary.BigEndian.AppendUint32(nil, uint32(n))
		x.copy.patches = append(x.copy.patches, patch{last.at, b})
	default:
		return false
	}
	return true
}

// judgeSamples marks the samples that are kept. After one that is not, pictures
// wait for the next key frame.
func (x *foreign) judgeSamples(t *foreignTrack, s *sampleTable) (missing int, err error) {
	s.keep = make([]bool, len(s.size))
	missing, t.next = s.beyond, t.next+s.beyondTicks
	waiting := false
	for i := range s.size {
		ok, err := x.whole(t, s.at[i], int64(s.size[i]))
		if err != nil {
			return 0, err
		}
		key := len(s.sync) == 0 || s.sync[i]
		waiting = !ok || waiting && t.video && !key
		ticks := s.dts[i+1] - s.dts[i]
		if s.keep[i] = !waiting; s.keep[i] {
			x.kept(t, ticks)
			continue
		}
		missing++
		t.next += ticks
	}
	if missing > 0 {
		d := time.Duration(media.ToNanos(t.next, t.timescale))
		x.r.Lost = max(x.r.Lost, d)
		x.r.Reason = "the media is cut or damaged, the moov is not"
	}
	return missing, nil
}

func (s *sampleTable) keptEnd() (end int64) {
	for i := range s.size {
		if s.keep[i] {
			end = max(end, s.at[i]+int64(s.size[i]))
		}
	}
	return end
}

// keeps tells whether a sample that is kept has one of n bytes.
func (s *sampleTable) keeps(at, n int64) bool {
	for i := range s.size {
		if s.keep[i] && s.at[i] < at+n && s.at[i]+int64(s.size[i]) > at {
			return true
		}
	}
	return false
}

// parseSampleTable expands the tables of an stbl. Samples that all have one size are
// taken as far as there is room for them, bytes: see sampleTable.beyond.
func parseSampleTable(stbl []byte, room int64) (s sampleTable, ok bool) {
	if !s.readSizes(find(stbl, "stsz"), room) || !s.readTimes(find(stbl, "stts")) || !s.readPlaces(stbl) {
		return s, false
	}
	n := len(s.size)
	if ctts := find(stbl, "ctts"); len(ctts) > 0 {
		s.version = ctts[0]
		f := fields{b: ctts[4:]}
		for range f.u32() {
			count, v := f.u32(), f.u32()
			count, fits := s.within(count, n-len(s.offset))
			if f.short || !fits {
				return s, false
			}
			for range count {
				s.offset = append(s.offset, int32(v))
			}
		}
		if len(s.offset) != n {
			return s, false
		}
	}
	if stss := find(stbl, "stss"); len(stss) > 4 {
		s.sync = make([]bool, n)
		f := fields{b: stss[4:]}
		for range f.u32() {
			k := f.u32()
			if f.short || k == 0 || int(k) > n+s.beyond {
				return s, false
			}
			if int(k) <= n {
				s.sync[k-1] = true
			}
		}
	}
	return s, true
}

// within is how many of so many entries are of samples in the table, of which left
// have none yet. fits is false where there are more than the table claims.
func (s *sampleTable) within(count uint32, left int) (n uint32, fits bool) {
	return uint32(min(int64(count), int64(left))), int64(count) <= int64(left) || s.beyond > 0
}

func (s *sampleTable) readSizes(stsz []byte, room int64) bool {
	if len(stsz) < 12 {
		return false
	}
	f := fields{b: stsz[4:]}
	size, n := f.u32(), f.u32()
	if size == 0 && (n > maxSamples || int(n) > len(f.b)/4) {
		return false
	}
	if s.uniform = size; size > 0 {
		inside := uint32(min(int64(n), max(room, 0)/int64(size)))
		s.beyond, n = int(n-inside), inside
		if n > maxUntold {
			return false
		}
	}
	s.size = make([]uint32, n)
	for i := range s.size {
		if s.size[i] = size; size == 0 {
			s.size[i] = f.u32()
		}
	}
	return true
}

func (s *sampleTable) readTimes(stts []byte) bool {
	if len(stts) < 8 {
		return false
	}
	s.dts = append(make([]int64, 0, len(s.size)+1), 0)
	f, at := fields{b: stts[4:]}, int64(0)
	for range f.u32() {
		count, delta := f.u32(), f.u32()
		inside, fits := s.within(count, len(s.size)+1-len(s.dts))
		if f.short || !fits {
			return false
		}
		s.beyondTicks += int64(count-inside) * int64(delta)
		for range inside {
			at += int64(delta)
			s.dts = append(s.dts, at)
		}
	}
	return len(s.dts) == len(s.size)+1
}

// readPlaces finds where each sample is: stsc says how many each chunk holds.
func (s *sampleTable) readPlaces(stbl []byte) bool {
	chunks, wide := find(stbl, "stco"), 1
	if chunks == nil {
		chunks, wide = find(stbl, "co64"), 2
	}
	stsc := find(stbl, "stsc")
	if len(chunks) < 8 || len(stsc) < 8 {
		return len(s.size) == 0
	}
	f, spans := fields{b: chunks[4:]}, fields{b: stsc[4:]}
	n, entries := f.u32(), spans.u32()
	first, per, description := spans.u32(), spans.u32(), spans.u32()
	nextFirst := uint32(math.MaxUint32)
	if entries > 1 {
		nextFirst = spans.u32()
	}
	if first != 1 || int(n) > len(f.b)/(4*wide) {
		return false
	}
	s.at, s.description = make([]int64, 0, len(s.size)), make([]uint32, 0, len(s.size))
	for chunk := uint32(1); chunk <= n; chunk++ {
		if chunk == nextFirst {
			per, description = spans.u32(), spans.u32()
			entries--
			nextFirst = math.MaxUint32
			if entries > 1 {
				nextFirst = spans.u32()
			}
		}
		at := int64(f.u32())
		if wide == 2 {
			at = at<<32 | int64(f.u32())
		}
		inside, fits := s.within(per, len(s.size)-len(s.at))
		if at < 0 || f.short || spans.short || !fits {
			return false
		}
		for range inside {
			size := s.size[len(s.at)]
			s.at, s.description = append(s.at, at), append(s.description, description)
			at += int64(size)
		}
	}
	return len(s.at) == len(s.size)
}
