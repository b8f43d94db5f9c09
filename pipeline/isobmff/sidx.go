package isobmff

// Sidx is a segment index immediately before its references (ISO/IEC 14496-12, 8.16.3).
type Sidx struct {
	TrackID       uint32
	Timescale     uint32
	EarliestTicks uint64 // presentation time of the first sample
	References    []Reference
}

// Limits of a segment index, and its size.
const (
	MaxReferences      = 65535
	MaxReferencedBytes = 1<<31 - 1 // of one reference
	SidxFixedBytes     = 40        // of a version 1 box before its references
	ReferenceBytes     = 12
	startsWithSync     = 0x90000000 // a stream access point of type 1
	referencedIndex    = 1 << 31
)

// Reference is a range of the file after an index.
type Reference struct {
	Bytes         uint32
	DurationTicks uint32
	Sync          bool // begins with a sync sample
}

// Sidx appends a segment index.
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

// ReadSidx reads the payload of an index of media. whole is false if it is cut, or references
// further indexes.
func ReadSidx(payload []byte) (x Sidx, whole bool) {
	f := NewFields(payload)
	version, _ := f.FullBox()
	x.TrackID, x.Timescale = f.U32(), f.U32()
	x.EarliestTicks = f.Versioned(version)
	f.Versioned(version)
	f.Skip(2)
	claimed := int(f.U16())
	n := min(claimed, len(f.Rest())/ReferenceBytes)
	whole = !f.Short() && n == claimed
	x.References = make([]Reference, 0, n)
	for range n {
		r := Reference{Bytes: f.U32(), DurationTicks: f.U32()}
		r.Sync = f.U32()&startsWithSync == startsWithSync
		whole = whole && r.Bytes&referencedIndex == 0
		x.References = append(x.References, r)
	}
	return x, whole
}
