package isobmff

import (
	"encoding/binary"

	"github.com/gospool/spool/pipeline/media"
)

// Traf describes the media of one track in a fragment, for Writer.Traf.
type Traf struct {
	TrackID    uint32
	Default    uint32         // sample flags in the track's trex: SyncFlags or NonSyncFlags
	Columns    *media.Columns // samples of the track, at least one
	ShiftTicks int64          // added to the decode times of Columns to get those of the file
	Roll       bool           // each sample belongs to the track's first roll group
	// Description is the number of the samples' sample entry, from 1; 0: the one in the track's trex.
	Description uint32
}

// runLayout describes the shortest encoding of a track run: which fields each sample has, and which
// values all samples have in common.
type runLayout struct {
	tfhd     uint32 // flags of the tfhd
	trun     uint32 // flags of the trun
	duration uint32 // duration of every sample, unless trun announces one for each
	flags    uint32 // sample flags: of every sample if tfhd announces them, of the first if trun does
}

// layout returns the layout that encodes the samples in t.Columns in the fewest bytes.
func (t *Traf) layout() runLayout {
	c := t.Columns
	s := runLayout{tfhd: TfhdBaseIsMoof, trun: TrunDataOffset | TrunSize}
	first := c.DurationTicks(0)
	var offsets int32
	sync, even := 0, true
	for i := range c.DTS {
		even = even && c.DurationTicks(i) == first
		offsets |= c.OffsetTicks[i]
		if c.Flags[i]&media.FlagSync != 0 {
			sync++
		}
	}
	if even {
		s.tfhd |= TfhdDuration
		s.duration = uint32(first)
	} else {
		s.trun |= TrunDuration
	}
	if offsets != 0 {
		s.trun |= TrunComposition
	}
	leads := c.Flags[0]&media.FlagSync != 0
	want := 0 // number of sync samples if all samples have the track's default flags
	if t.Default == SyncFlags {
		want = c.Len()
	}
	switch {
	case sync == want:
	case sync == c.Len():
		s.tfhd |= TfhdFlags
		s.flags = SyncFlags
	case sync == 1 && leads && want == 0:
		s.trun |= TrunFirstFlags
		s.flags = SyncFlags
	default:
		s.trun |= TrunFlags
	}
	return s
}

// Traf appends a traf with one trun. It returns the offset in B of the trun's data offset. When the
// caller knows the offset of the first sample from the start of the moof, it must store that there:
// see Patch.
func (w *Writer) Traf(t *Traf) (dataOffsetAt int) {
	c, s := t.Columns, t.layout()
	traf := w.Open("traf")
	h := Tfhd{Flags: s.tfhd, TrackID: t.TrackID, SampleDefaults: SampleDefaults{DurationTicks: s.duration, Flags: s.flags}}
	if t.Description != 0 {
		h.Flags, h.Description = h.Flags|TfhdDescription, t.Description
	}
	w.Tfhd(&h)
	w.Tfdt(uint64(c.DTS[0] + t.ShiftTicks))
	trun := w.OpenFull("trun", 1, s.trun)
	w.U32(uint32(c.Len()))
	dataOffsetAt = len(w.B)
	w.U32(0)
	if s.trun&TrunFirstFlags != 0 {
		w.U32(s.flags)
	}
	w.rows(c, s.trun)
	w.Close(trun)
	if t.Roll {
		w.RollSamples(uint32(c.Len()))
	}
	w.Close(traf)
	return dataOffsetAt
}

// rows appends the rows of a trun, one for each sample in c. trun holds the flags of the box,
// which announce the fields of a row.
func (w *Writer) rows(c *media.Columns, trun uint32) {
	b := w.B
	for i, size := range c.SizeBytes {
		if trun&TrunDuration != 0 {
			b = binary.BigEndian.AppendUint32(b, uint32(c.DurationTicks(i)))
		}
		b = binary.BigEndian.AppendUint32(b, size)
		if trun&TrunFlags != 0 {
			flags := uint32(NonSyncFlags)
			if c.Flags[i]&media.FlagSync != 0 {
				flags = SyncFlags
			}
			b = binary.BigEndian.AppendUint32(b, flags)
		}
		if trun&TrunComposition != 0 {
			b = binary.BigEndian.AppendUint32(b, uint32(c.OffsetTicks[i]))
		}
	}
	w.B = b
}
