package repair

import (
	"math"

	"github.com/gospool/spool/pipeline/isobmff"
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

// parseSampleTable expands the tables of an stbl. Samples that all have one size are
// taken as far as there is room for them, bytes: see sampleTable.beyond.
func parseSampleTable(stbl []byte, room int64) (s sampleTable, ok bool) {
	if !s.readSizes(isobmff.Find(stbl, "stsz"), room) || !s.readTimes(isobmff.Find(stbl, "stts")) || !s.readPlaces(stbl) {
		return s, false
	}
	n := len(s.size)
	if ctts := isobmff.Find(stbl, "ctts"); len(ctts) > 0 {
		s.version = ctts[0]
		f := isobmff.NewFields(ctts[4:])
		for range f.U32() {
			count, v := f.U32(), f.U32()
			count, fits := s.within(count, n-len(s.offset))
			if f.Short() || !fits {
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
	if stss := isobmff.Find(stbl, "stss"); len(stss) > 4 {
		s.sync = make([]bool, n)
		f := isobmff.NewFields(stss[4:])
		for range f.U32() {
			k := f.U32()
			if f.Short() || k == 0 || int(k) > n+s.beyond {
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
	f := isobmff.NewFields(stsz[4:])
	size, n := f.U32(), f.U32()
	if size == 0 && (n > maxSamples || int(n) > len(f.Rest())/4) {
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
			s.size[i] = f.U32()
		}
	}
	return true
}

func (s *sampleTable) readTimes(stts []byte) bool {
	if len(stts) < 8 {
		return false
	}
	s.dts = append(make([]int64, 0, len(s.size)+1), 0)
	f, at := isobmff.NewFields(stts[4:]), int64(0)
	for range f.U32() {
		count, delta := f.U32(), f.U32()
		inside, fits := s.within(count, len(s.size)+1-len(s.dts))
		if f.Short() || !fits {
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
	chunks, wide := isobmff.Find(stbl, "stco"), 1
	if chunks == nil {
		chunks, wide = isobmff.Find(stbl, "co64"), 2
	}
	stsc := isobmff.Find(stbl, "stsc")
	if len(chunks) < 8 || len(stsc) < 8 {
		return len(s.size) == 0
	}
	f, spans := isobmff.NewFields(chunks[4:]), isobmff.NewFields(stsc[4:])
	n, entries := f.U32(), spans.U32()
	first, per, description := spans.U32(), spans.U32(), spans.U32()
	nextFirst := uint32(math.MaxUint32)
	if entries > 1 {
		nextFirst = spans.U32()
	}
	if first != 1 || int(n) > len(f.Rest())/(4*wide) {
		return false
	}
	s.at, s.description = make([]int64, 0, len(s.size)), make([]uint32, 0, len(s.size))
	for chunk := uint32(1); chunk <= n; chunk++ {
		if chunk == nextFirst {
			per, description = spans.U32(), spans.U32()
			entries--
			nextFirst = math.MaxUint32
			if entries > 1 {
				nextFirst = spans.U32()
			}
		}
		at := int64(f.U32())
		if wide == 2 {
			at = at<<32 | int64(f.U32())
		}
		inside, fits := s.within(per, len(s.size)-len(s.at))
		if at < 0 || f.Short() || spans.Short() || !fits {
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
