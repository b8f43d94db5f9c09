package isobmff

import (
	"encoding/binary"
	"math"

	"github.com/gospool/spool/pipeline/media"
)

// Flags of trun (ISO/IEC 14496-12, 8.8.8). The last four announce fields that each sample has, in
// this order.
const (
	TrunDataOffset  = 0x000001
	TrunFirstFlags  = 0x000004
	TrunDuration    = 0x000100
	TrunSize        = 0x000200
	TrunFlags       = 0x000400
	TrunComposition = 0x000800
)

var trunFields = [...]uint32{TrunDuration, TrunSize, TrunFlags, TrunComposition}

// Trun holds a trun, a track run: samples of a fragment whose bytes are contiguous. It shares the
// memory of the payload.
type Trun struct {
	Flags      uint32
	Count      uint32 // claimed number of samples
	DataOffset int32  // offset of the first sample from the base of the traf; with flag TrunDataOffset
	FirstFlags uint32 // sample flags of the first sample; with flag TrunFirstFlags

	rows  []byte // the fields of the samples
	width int    // bytes of the fields of a sample
	at    [4]int // offset of each of trunFields in the fields of a sample
}

// ReadTrun reads the payload of a trun. whole is false if the fields before the samples are cut: see
// also Trun.Whole.
func ReadTrun(payload []byte) (t Trun, whole bool) {
	f := NewFields(payload)
	_, t.Flags = f.FullBox()
	t.Count = f.U32()
	if t.Flags&TrunDataOffset != 0 {
		t.DataOffset = int32(f.U32())
	}
	if t.Flags&TrunFirstFlags != 0 {
		t.FirstFlags = f.U32()
	}
	for i, flag := range trunFields {
		if t.Flags&flag != 0 {
			t.at[i] = t.width
			t.width += 4
		}
	}
	t.rows = f.Rest()
	return t, !f.Short()
}

// Len returns the number of samples that can be read: Count, or as many as the box has fields for.
// If samples have no fields, Len is Count, which may be any number: the caller must limit its work.
func (t *Trun) Len() int {
	if t.width == 0 {
		return int(min(int64(t.Count), math.MaxInt))
	}
	return int(min(int64(t.Count), int64(len(t.rows)/t.width)))
}

// Whole reports whether the box has the fields of all claimed samples.
func (t *Trun) Whole() bool { return int64(t.Count)*int64(t.width) <= int64(len(t.rows)) }

// Exact reports whether the box has the fields of all claimed samples and no further bytes.
func (t *Trun) Exact() bool { return int64(t.Count)*int64(t.width) == int64(len(t.rows)) }

// RunSample describes a sample of a track run.
type RunSample struct {
	DurationTicks uint32
	SizeBytes     uint32
	Flags         uint32 // sample flags
	OffsetTicks   int32  // composition offset; read as signed in version 0 too, as writers mean it
}

// Sync reports whether the sample is a sync sample.
func (s *RunSample) Sync() bool { return s.Flags&SampleIsNonSync == 0 }

// Sample returns the i-th sample, from 0; i must be less than Len. d has the values of fields that
// the trun omits: see Tfhd.Over.
func (t *Trun) Sample(i int, d *SampleDefaults) (s RunSample) {
	s = RunSample{DurationTicks: d.DurationTicks, SizeBytes: d.SizeBytes, Flags: d.Flags}
	if i == 0 && t.Flags&TrunFirstFlags != 0 {
		s.Flags = t.FirstFlags
	}
	row := t.rows[i*t.width : (i+1)*t.width]
	if t.Flags&TrunDuration != 0 {
		s.DurationTicks = binary.BigEndian.Uint32(row[t.at[0]:])
	}
	if t.Flags&TrunSize != 0 {
		s.SizeBytes = binary.BigEndian.Uint32(row[t.at[1]:])
	}
	if t.Flags&TrunFlags != 0 {
		s.Flags = binary.BigEndian.Uint32(row[t.at[2]:])
	}
	if t.Flags&TrunComposition != 0 {
		s.OffsetTicks = int32(binary.BigEndian.Uint32(row[t.at[3]:]))
	}
	return s
}

// Uniform reports whether the samples have no fields of their own, so that all are alike. The first may have flags of its
// own.
func (t *Trun) Uniform() bool { return t.width == 0 }

// Alike returns the number of samples from the i-th on, most at most, whose fields are those of the i-th; i must be less
// than Len. d has the values of fields that the trun omits: see Tfhd.Over.
func (t *Trun) Alike(i, most int, d *SampleDefaults) int {
	most = min(most, t.Len()-i)
	first, n := t.Sample(i, d), 1
	for n < most && t.Sample(i+n, d) == first {
		if t.Uniform() {
			return most
		}
		n++
	}
	return n
}

// AppendTo appends the times, sizes and flags of the samples to c, not their payload, and sets
// c.EndTicks to the end of the last sample. dts is the decode time of the first sample in ticks. d
// has the values of fields that the trun omits: see Tfhd.Over.
func (t *Trun) AppendTo(c *media.Columns, d *SampleDefaults, dts int64) {
	for i := range t.Len() {
		s := t.Sample(i, d)
		flags := uint8(0)
		if s.Sync() {
			flags = media.FlagSync
		}
		c.DTS, c.OffsetTicks = append(c.DTS, dts), append(c.OffsetTicks, s.OffsetTicks)
		c.SizeBytes, c.Flags = append(c.SizeBytes, s.SizeBytes), append(c.Flags, flags)
		dts += int64(s.DurationTicks)
	}
	c.EndTicks = dts
}
