package isobmff

import (
	"errors"
	"math"
)

// ErrTables reports sample tables that are cut, missing or contradict each other.
var ErrTables = errors.New("its sample tables do not fit together")

// Sample describes one sample of a track.
type Sample struct {
	DTS           int64 // ticks of the track
	DurationTicks int64 // up to the DTS of the next sample
	OffsetTicks   int32 // composition offset: PTS - DTS
	SizeBytes     uint32
	Sync          bool  // sync sample
	At            int64 // offset in the file
}

// SampleTable reads the samples of a track from its sample tables (ISO/IEC 14496-12, 8.6 and 8.7),
// in decoding order. It reads the tables in place and needs no further memory.
//
// Tables of a few bytes may claim any number of samples: the caller must check Len and Bytes
// before it reads the samples.
type SampleTable struct {
	times, offsets, spans, syncs Table
	allSync                      bool
	sizes                        Sizes
	chunks                       Chunks
	joined                       uint32 // Next returns up to this number of samples as one; 0: see Join

	cursor
}

// cursor is the position of the next sample in the tables. The zero value is the first sample.
type cursor struct {
	n        uint32     // number of samples read
	dts      int64      // DTS of the next sample
	time     pairCursor // position in stts
	offset   pairCursor // position in ctts
	sync     int        // rows of stss read
	chunk    uint32     // ISO chunks begun
	span     int        // rows of stsc read
	inChunk  uint32     // unread samples of the current ISO chunk
	perChunk uint32     // samples in each ISO chunk
	at       int64      // offset of the next sample
}

// pairCursor reads a table whose rows have a count and a value for that many samples.
type pairCursor struct {
	left, value uint32 // the number of samples for which the current row still counts, and its value
	row         int    // rows read
}

// next returns the value for the next sample in the table t. Behind the last row it returns the
// last value again.
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

// ReadSampleTable returns the sample tables in the payload of an stbl, at the first sample. It
// returns ErrTables if a table is cut or missing.
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
	t.allSync = Find(stbl, "stss") == nil // with an empty stss no sample is a sync sample
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

// Join makes Next return up to most consecutive samples of an ISO chunk as one sample. It is for uncompressed sound, of
// which each frame of frameBytes bytes is a sample: QuickTime and ffmpeg write it in this form. QuickTime writes 1 for
// the size of a frame of any size. Join does nothing for samples of other sizes, or with other tables than such sound
// has. The caller calls it before Next.
func (t *SampleTable) Join(frameBytes, most uint32) {
	timed := uint64(0)
	for i := range t.times.Len() {
		timed += uint64(t.times.U32(i, 0))
	}
	common := t.sizes.CommonBytes
	if most < 2 || common != frameBytes && common != 1 || t.offsets.Len() > 0 || !t.allSync || timed < uint64(t.sizes.Count) {
		return
	}
	t.sizes.CommonBytes, t.joined = frameBytes, most
}

// Len returns the number of samples that the tables claim. If samples are joined, it returns a bound of their number.
func (t *SampleTable) Len() uint32 {
	if t.joined > 0 {
		return uint32(min(uint64(t.chunks.Len())+uint64(t.times.Len())+uint64(t.sizes.Count/t.joined), uint64(t.sizes.Count)))
	}
	return t.sizes.Count
}

// CommonSize returns the size in bytes that all samples have in common. It returns 0 if each sample
// has its own size: the length of the tables then limits Len.
func (t *SampleTable) CommonSize() uint32 { return t.sizes.CommonBytes }

// Bytes returns the sum of the sizes that the tables claim for the samples.
func (t *SampleTable) Bytes() int64 { return t.sizes.Bytes() }

// TimeBytes returns the length in bytes of the entries in stts, ctts and stss, which hold the times
// and the sync flags of the samples.
func (t *SampleTable) TimeBytes() int64 {
	if t.joined > 0 {
		return 8 * int64(t.Len()) // each joined sample may have a duration of its own
	}
	return int64(len(t.times.rows) + len(t.offsets.rows) + len(t.syncs.rows))
}

// maxTicks is the latest time of a sample: a later one is damage.
const maxTicks = math.MaxInt64 / 4

// Ticks returns the sum of the durations that the tables claim for the samples, maxTicks at most.
func (t *SampleTable) Ticks() (sum int64) {
	for i := range t.times.Len() {
		sum += int64(t.times.U32(i, 0)) * int64(t.times.U32(i, 1))
		if sum < 0 || sum > maxTicks {
			return maxTicks
		}
	}
	return sum
}

// Rewind makes Next read the first sample again.
func (t *SampleTable) Rewind() { t.cursor = cursor{} }

// Next reads the next sample into s. ok is false behind the last one. The error is ErrTables if
// the tables contradict each other; s is not valid then.
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
	s.OffsetTicks = int32(t.offset.next(&t.offsets)) // signed in version 1; writers of version 0 mean it so, too
	s.SizeBytes = t.sizes.At(t.n)
	t.n++
	s.Sync = t.isSync()
	t.inChunk--
	if t.joined > 0 {
		t.join(s)
	}
	t.dts += s.DurationTicks
	t.at += int64(s.SizeBytes)
	if t.dts > maxTicks {
		return false, ErrTables
	}
	return true, nil
}

// join adds the samples after s to s, as far as they have its duration and are in its ISO chunk.
func (t *SampleTable) join(s *Sample) {
	more := min(t.joined-1, t.inChunk, t.time.left, t.sizes.Count-t.n)
	s.DurationTicks *= int64(more) + 1
	s.SizeBytes *= more + 1
	t.n, t.inChunk, t.time.left = t.n+more, t.inChunk-more, t.time.left-more
}

// isSync reports whether sample t.n, counted from 1, is a sync sample. It must be called for
// each sample in order.
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

// nextChunk moves to the next ISO chunk, a contiguous range of samples in the file. It returns
// ErrTables if there is none. The rows of stsc number the ISO chunks from 1.
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
