package repair

import (
	"math"

	"github.com/gospool/spool/pipeline/isobmff"
)

// sampleTable holds the sample tables of a track of an ordinary file (ISO/IEC 14496-12, 8.6 and
// 8.7), expanded to one element for each sample.
type sampleTable struct {
	at          []int64  // offset in the file
	size        []uint32 // bytes
	dts         []int64  // ticks; one element more than samples: the end of the last sample
	offset      []int32  // composition offset, ticks; empty: all are 0
	sync        []bool   // set for sync samples; empty: all samples are sync samples
	description []uint32 // sample_description_index
	keep        []bool   // samples to keep in the copy; set by judgeSamples
	version     byte     // version of the ctts

	// A table with one size for all samples can claim any number of samples in a few bytes. So
	// samples that cannot fit into the file are not expanded, but only counted.
	uniform     uint32 // the size of all samples; 0: each has its own
	beyond      int64  // number of samples that do not fit into the file
	beyondTicks int64  // duration of the samples that do not fit
}

// maxSamples limits the samples of a track: more than five weeks at 60 samples a second. A table
// that claims more is damaged.
const maxSamples = 200 << 20

// maxUniform limits the samples of a track whose table has one size for all samples: a few bytes
// can claim any number of them. A table with more samples that fit into the file counts as
// damaged.
const maxUniform = 1 << 20

// parseSampleTable expands the tables in the payload of an stbl. If all samples have one size,
// it expands only as many samples as room bytes can hold, and counts the others in s.beyond. ok
// is false if the tables are damaged.
func parseSampleTable(stbl []byte, room int64) (s sampleTable, ok bool) {
	ok = s.readSizes(stbl, room) && s.readTimes(stbl) && s.readPlaces(stbl) && s.readOffsets(stbl) && s.readSync(stbl)
	return s, ok
}

// within returns for how many samples a table row counts: count, the number in the row, but at
// most left, the number of samples that no earlier row covers. fits is false if count is greater
// than left: the table is then damaged. If samples were not expanded (s.beyond), count may be
// greater.
func (s *sampleTable) within(count uint32, left int) (n uint32, fits bool) {
	return uint32(min(int64(count), int64(left))), int64(count) <= int64(left) || s.beyond > 0
}

func (s *sampleTable) readSizes(stbl []byte, room int64) bool {
	sizes, whole := isobmff.ReadStsz(isobmff.Find(stbl, "stsz"))
	n := sizes.Count
	if !whole || sizes.CommonBytes == 0 && n > maxSamples {
		return false
	}
	if s.uniform = sizes.CommonBytes; s.uniform > 0 {
		inside := uint32(min(int64(n), max(room, 0)/int64(s.uniform)))
		s.beyond, n = int64(n-inside), inside
		if n > maxUniform {
			return false
		}
	}
	s.size = make([]uint32, n)
	for i := range s.size {
		s.size[i] = sizes.At(uint32(i))
	}
	return true
}

func (s *sampleTable) readTimes(stbl []byte) bool {
	stts := isobmff.Find(stbl, "stts")
	times, whole := isobmff.ReadTable(stts, 2)
	if stts == nil || !whole {
		return false
	}
	s.dts = append(make([]int64, 0, len(s.size)+1), 0)
	at := int64(0)
	for row := range times.Len() {
		count, delta := times.U32(row, 0), times.U32(row, 1)
		inside, fits := s.within(count, len(s.size)+1-len(s.dts))
		if !fits {
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

func (s *sampleTable) readOffsets(stbl []byte) bool {
	ctts := isobmff.Find(stbl, "ctts")
	if len(ctts) == 0 {
		return true
	}
	s.version = ctts[0]
	offsets, whole := isobmff.ReadTable(ctts, 2)
	for row := range offsets.Len() {
		count, fits := s.within(offsets.U32(row, 0), len(s.size)-len(s.offset))
		if !fits {
			return false
		}
		for range count {
			s.offset = append(s.offset, int32(offsets.U32(row, 1)))
		}
	}
	return whole && len(s.offset) == len(s.size)
}

func (s *sampleTable) readSync(stbl []byte) bool {
	stss := isobmff.Find(stbl, "stss")
	if len(stss) <= 4 {
		return true
	}
	s.sync = make([]bool, len(s.size))
	numbers, whole := isobmff.ReadTable(stss, 1)
	for row := range numbers.Len() {
		k := numbers.U32(row, 0)
		if k == 0 || int64(k) > int64(len(s.size))+s.beyond {
			return false
		}
		if int64(k) <= int64(len(s.size)) {
			s.sync[k-1] = true
		}
	}
	return whole || len(stss) < 8 // without a count the table has no entries
}

// readPlaces sets the offset and the description of each sample from stsc and stco or co64. It
// reads the rows of stsc one by one as needed, so that a wrong row count costs nothing.
func (s *sampleTable) readPlaces(stbl []byte) bool {
	chunks, whole := isobmff.ReadChunks(stbl)
	stsc := isobmff.Find(stbl, "stsc")
	if len(stsc) < 8 || chunks.Len() == 0 && !whole {
		return len(s.size) == 0
	}
	spans := isobmff.NewFields(stsc[4:])
	entries := spans.U32()
	first, per, description := spans.U32(), spans.U32(), spans.U32()
	nextFirst := uint32(math.MaxUint32)
	if entries > 1 {
		nextFirst = spans.U32()
	}
	if first != 1 || !whole {
		return false
	}
	s.at, s.description = make([]int64, 0, len(s.size)), make([]uint32, 0, len(s.size))
	for i := range chunks.Len() {
		if uint32(i)+1 == nextFirst {
			per, description = spans.U32(), spans.U32()
			entries--
			nextFirst = math.MaxUint32
			if entries > 1 {
				nextFirst = spans.U32()
			}
		}
		at := int64(chunks.At(i))
		inside, fits := s.within(per, len(s.size)-len(s.at))
		if at < 0 || spans.Short() || !fits {
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
