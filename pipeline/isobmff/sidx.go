package isobmff

// Sidx holds a sidx, a segment index, whose first reference begins immediately behind the box
// (ISO/IEC 14496-12, 8.16.3).
type Sidx struct {
	TrackID       uint32
	Timescale     uint32 // ticks per second of the times and durations
	EarliestTicks uint64 // earliest presentation time of the first reference
	References    []Reference
}

// Limits and sizes of a sidx.
const (
	MaxReferences      = 65535
	MaxReferencedBytes = 1<<31 - 1  // limit of Reference.Bytes
	SidxFixedBytes     = 40         // size of a box of version 1 before its references
	ReferenceBytes     = 12         // size of a reference
	startsWithSync     = 0x90000000 // starts_with_SAP, with SAP_type 1
)

// Reference describes one range of the file in a sidx: a subsegment, which has one or more whole
// fragments. The range begins where that of the previous Reference ends.
type Reference struct {
	Bytes         uint32
	DurationTicks uint32
	Sync          bool // the range begins with a sync sample
}

// Sidx appends a sidx of version 1 with at most MaxReferences.
func (w *Writer) Sidx(x *Sidx) {
	at := w.OpenFull("sidx", 1, 0)
	w.U32(x.TrackID)
	w.U32(x.Timescale)
	w.U64(x.EarliestTicks)
	w.U64(0) // first_offset
	w.U16(0)
	w.U16(uint16(len(x.References)))
	for _, r := range x.References {
		w.U32(r.Bytes) // reference_type 0: media
		w.U32(r.DurationTicks)
		if r.Sync {
			w.U32(startsWithSync)
		} else {
			w.U32(0)
		}
	}
	w.Close(at)
}
