package isobmff

import (
	"errors"
	"math"
)

// ErrTables is the error for inconsistent sample tables.
var ErrTables = errors.New("its sample tables do not fit together")

// Sample is one sample of a track with its place in the file.
type Sample struct {
	DTS           int64 // ticks
	DurationTicks int64
	OffsetTicks   int32 // PTS - DTS
	SizeBytes     uint32
	Sync          bool
	At            int64 // offset in the file
}

// SampleTable reads the sample tables of a track (ISO/IEC 14496-12, 8.6 and 8.7) in decoding order
// and in place. It takes no memory but the tables' own bytes.
//
// The claimed number of samples is not bounded by the length of the tables: the caller checks Len
// and Bytes before it reads them.
type SampleTable struct {
	times, offsets, spans, syncs Table
	allSync                      bool
	sizes                        Sizes
	chunks                       Chunks

	cursor
}

// cursor is the position in the tables. The zero value is the beginning.
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
			return c.value // a table that is too short continues with its last value
		}
		c.left, c.value = t.U32(c.row, 0), t.U32(c.row, 1)
		c.row++
	}
	c.left--
	return c.value
}

// ReadSampleTable reads the payload of an stbl. The error is ErrTables if a table is cut or
// missing.
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
	t.allSync = Find(stbl, "stss") == nil // an stss without rows means that no sample is
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

// Len returns the claimed number of samples.
func (t *SampleTable) Len() uint32 { return t.sizes.Count }

// CommonSize returns the common size of all samples, bytes, or 0 if each has its own size, so that
// Len is bounded by the length of the tables.
func (t *SampleTable) CommonSize() uint32 { return t.sizes.CommonBytes }

// Bytes returns the claimed sum of the samples' sizes.
func (t *SampleTable) Bytes() int64 { return t.sizes.Bytes() }

// TimeBytes returns the length of the entries of stts, ctts and stss, which hold the times and the
// sync flags of the samples.
func (t *SampleTable) TimeBytes() int64 {
	return int64(len(t.times.rows) + len(t.offsets.rows) + len(t.syncs.rows))
}

// maxTicks is later than any sample.
const maxTicks = math.MaxInt64 / 4

// Ticks returns the claimed sum of the samples' durations.
func (t *SampleTable) Ticks() (sum int64) {
	for i := range t.times.Len() {
		sum += int64(t.times.U32(i, 0)) * int64(t.times.U32(i, 1))
		if sum < 0 || sum > maxTicks {
			return maxTicks
		}
	}
	return sum
}

// Rewind returns to the first sample.
func (t *SampleTable) Rewind() { t.cursor = cursor{} }

// Next reads the next sample. ok is false after the last.
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
	s.OffsetTicks = int32(t.offset.next(&t.offsets)) // signed in version 1, and treated as signed in version 0
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

// isSync reports whether sample n, counted from 1, is a sync sample.
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

// nextChunk moves to the next chunk. stsc counts chunks from 1.
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
