package isobmff

import (
	"errors"
	"math"
)

// ErrTables is returned for sample tables that do not fit together.
var ErrTables = errors.New("its sample tables do not fit together")

// Sample is one sample of a track, and where it lies.
type Sample struct {
	DTS           int64 // ticks
	DurationTicks int64 // ticks
	OffsetTicks   int32 // PTS - DTS, ticks
	SizeBytes     uint32
	Sync          bool
	At            int64 // byte of the file
}

// SampleTable are the sample tables of a track (ISO/IEC 14496-12, 8.6 and 8.7), read in
// decoding order where they lie. It takes no memory but the tables' own bytes.
//
// How many samples a table claims to have is not bounded by its length: the caller looks
// at Len and Bytes before it reads them.
type SampleTable struct {
	times, offsets, spans, syncs Table
	allSync                      bool
	sizes                        Sizes
	chunks                       Chunks

	cursor
}

// cursor is how far the tables are read. Its zero value is their beginning.
type cursor struct {
	n        uint32 // samples read
	dts      int64
	time     pairCursor
	offset   pairCursor
	sync     int    // rows of stss passed
	chunk    uint32 // chunks begun
	span     int    // rows of stsc passed
	inChunk  uint32 // samples left
	perChunk uint32
	at       int64
}

// pairCursor reads a table of counts and values.
type pairCursor struct {
	left, value uint32
	row         int
}

func (c *pairCursor) next(t *Table) uint32 {
	for c.left == 0 {
		if c.row >= t.Len() {
			return c.value // a table that is too short goes on as it ended
		}
		c.left, c.value = t.U32(c.row, 0), t.U32(c.row, 1)
		c.row++
	}
	c.left--
	return c.value
}

// ReadSampleTable reads the payload of an stbl. It is ErrTables where one of its tables
// is cut or missing.
func ReadSampleTable(stbl []byte) (*SampleTable, error) {
	t := &SampleTable{}
	whole := true
	for _, c := range [...]struct {
		fourcc  string
		columns int
		into    *Table
	}{{"stts", 2, &t.times}, {"ctts", 2, &t.offsets}, {"stsc", 3, &t.spans}, {"stss", 1, &t.syncs}} {
		table, all := ReadTable(Find(stbl, c.fourcc), c.columns)
		*c.into, whole = table, whole && all
	}
	t.allSync = Find(stbl, "stss") == nil // one without rows says that none is
	var sized, placed bool
	t.sizes, sized = ReadStsz(Find(stbl, "stsz"))
	t.chunks, placed = ReadChunks(stbl)
	if !whole || !sized || !placed {
		return nil, ErrTables
	}
	if t.sizes.Count > 0 && (t.times.Len() == 0 || t.spans.Len() == 0 || t.chunks.Len() == 0) {
		return nil, ErrTables
	}
	return t, nil
}

// Len returns how many samples the tables claim.
func (t *SampleTable) Len() uint32 { return t.sizes.Count }

// CommonSize returns the size that the tables claim of all samples at once, bytes, and 0
// where they have one for each sample, so that Len is bounded by their length.
func (t *SampleTable) CommonSize() uint32 { return t.sizes.CommonBytes }

// Bytes returns the sum of the samples' sizes, as the tables claim.
func (t *SampleTable) Bytes() int64 { return t.sizes.Bytes() }

// TimeBytes returns how long the entries are that tell the times of the samples, and which
// are sync samples: stts, ctts and stss.
func (t *SampleTable) TimeBytes() int64 {
	return int64(len(t.times.rows) + len(t.offsets.rows) + len(t.syncs.rows))
}

// maxTicks is later than any sample.
const maxTicks = math.MaxInt64 / 4

// Ticks returns the sum of the samples' durations, as the tables claim.
func (t *SampleTable) Ticks() (sum int64) {
	for i := range t.times.Len() {
		sum += int64(t.times.U32(i, 0)) * int64(t.times.U32(i, 1))
		if sum < 0 || sum > maxTicks {
			return maxTicks
		}
	}
	return sum
}

// Rewind goes back to the first sample.
func (t *SampleTable) Rewind() { t.cursor = cursor{} }

// Next reads the next sample. ok is false behind the last.
func (t *SampleTable) Next(s *Sample) (ok bool, err error) {
	if t.n >= t.sizes.Count {
		return false, nil
	}
	if t.inChunk == 0 {
		if err := t.nextChunk(); err != nil {
			return false, err
		}
	}
	s.DTS, s.At = t.dts, t.at
	s.DurationTicks = int64(t.time.next(&t.times))
	s.OffsetTicks = int32(t.offset.next(&t.offsets)) // signed by version 1; a version 0 that says -1 means it too
	s.SizeBytes = t.sizes.At(t.n)
	t.n++
	s.Sync = t.isSync()
	t.dts += s.DurationTicks
	t.at += int64(s.SizeBytes)
	t.inChunk--
	if t.dts > maxTicks {
		return false, ErrTables
	}
	return true, nil
}

// isSync tells of sample n, counted from 1.
func (t *SampleTable) isSync() bool {
	if t.allSync {
		return true
	}
	for t.sync < t.syncs.Len() {
		number := t.syncs.U32(t.sync, 0)
		if number > t.n {
			break
		}
		t.sync++
		if number == t.n {
			return true
		}
	}
	return false
}

// nextChunk goes to the chunk after this one. stsc counts chunks from 1.
func (t *SampleTable) nextChunk() error {
	i := int(t.chunk)
	if i >= t.chunks.Len() {
		return ErrTables
	}
	t.chunk++
	for t.span < t.spans.Len() && t.spans.U32(t.span, 0) <= t.chunk {
		t.perChunk = t.spans.U32(t.span, 1)
		t.span++
	}
	t.inChunk = t.perChunk
	at := t.chunks.At(i)
	if t.inChunk == 0 || at > maxTicks {
		return ErrTables
	}
	t.at = int64(at)
	return nil
}
