package isobmff

import "github.com/gospool/spool/pipeline/media"

// Flags of tfhd (ISO/IEC 14496-12, 8.8.7). All but TfhdBaseIsMoof announce a field.
const (
	TfhdBaseDataOffset = 0x000001
	TfhdDescription    = 0x000002
	TfhdDuration       = 0x000008
	TfhdSize           = 0x000010
	TfhdFlags          = 0x000020
	TfhdBaseIsMoof     = 0x020000
)

// Sample flags (ISO/IEC 14496-12, 8.8.3.1).
const (
	SampleIsNonSync = 0x00010000

	SyncFlags    = 0x02000000 // a sync sample: it depends on no other sample
	NonSyncFlags = 0x01010000 // a sample that depends on others, and is not a sync sample
)

// DefaultFlags returns the sample flags in the trex of a track of a kind of media: not sync for video, and sync for other
// kinds.
func DefaultFlags(kind media.Kind) uint32 {
	if kind == media.Video {
		return NonSyncFlags
	}
	return SyncFlags
}

// SampleDefaults holds the values that a trex or a tfhd gives to the samples of a track that have no
// value of their own (ISO/IEC 14496-12, 8.8.3 and 8.8.7).
type SampleDefaults struct {
	DurationTicks uint32
	SizeBytes     uint32
	Flags         uint32 // sample flags
}

// Tfhd holds a tfhd, a track fragment header (ISO/IEC 14496-12, 8.8.7). Fields that Flags does not
// announce are 0.
type Tfhd struct {
	Flags          uint32 // flags of the box; the sample flags are SampleDefaults.Flags
	TrackID        uint32
	BaseDataOffset int64  // base of the offsets in truns, from the beginning of the file
	Description    uint32 // sample_description_index
	SampleDefaults
}

// ReadTfhd reads the payload of a tfhd. whole is false if the box is cut.
func ReadTfhd(payload []byte) (h Tfhd, whole bool) {
	f := NewFields(payload)
	_, h.Flags = f.FullBox()
	h.TrackID = f.U32()
	if h.Flags&TfhdBaseDataOffset != 0 {
		h.BaseDataOffset = int64(f.U64())
	}
	for _, v := range [...]struct {
		flag uint32
		into *uint32
	}{{TfhdDescription, &h.Description}, {TfhdDuration, &h.DurationTicks}, {TfhdSize, &h.SizeBytes}, {TfhdFlags, &h.SampleDefaults.Flags}} {
		if h.Flags&v.flag != 0 {
			*v.into = f.U32()
		}
	}
	return h, !f.Short()
}

// Bytes returns the length in bytes that the payload of a tfhd with the flags h.Flags has.
func (h *Tfhd) Bytes() (n int) {
	n = 8
	if h.Flags&TfhdBaseDataOffset != 0 {
		n += 8
	}
	for _, flag := range [...]uint32{TfhdDescription, TfhdDuration, TfhdSize, TfhdFlags} {
		if h.Flags&flag != 0 {
			n += 4
		}
	}
	return n
}

// Over returns the sample defaults of the fragment: those of h where Flags announces them, and
// else those of the track's trex.
func (h *Tfhd) Over(track SampleDefaults) SampleDefaults {
	if h.Flags&TfhdDuration != 0 {
		track.DurationTicks = h.DurationTicks
	}
	if h.Flags&TfhdSize != 0 {
		track.SizeBytes = h.SizeBytes
	}
	if h.Flags&TfhdFlags != 0 {
		track.Flags = h.SampleDefaults.Flags
	}
	return track
}

// Tfhd appends a tfhd with the fields that h.Flags announces.
func (w *Writer) Tfhd(h *Tfhd) {
	at := w.OpenFull("tfhd", 0, h.Flags)
	w.U32(h.TrackID)
	if h.Flags&TfhdBaseDataOffset != 0 {
		w.U64(uint64(h.BaseDataOffset))
	}
	if h.Flags&TfhdDescription != 0 {
		w.U32(h.Description)
	}
	if h.Flags&TfhdDuration != 0 {
		w.U32(h.DurationTicks)
	}
	if h.Flags&TfhdSize != 0 {
		w.U32(h.SizeBytes)
	}
	if h.Flags&TfhdFlags != 0 {
		w.U32(h.SampleDefaults.Flags)
	}
	w.Close(at)
}

// ReadTfdt reads the payload of a tfdt: the decode time of a track's first sample in a fragment, in
// ticks (ISO/IEC 14496-12, 8.8.12), and the version of the box. whole is false if the box is cut.
func ReadTfdt(payload []byte) (ticks uint64, version uint8, whole bool) {
	f := NewFields(payload)
	version, _ = f.FullBox()
	ticks = f.Versioned(version)
	return ticks, version, !f.Short()
}

// Tfdt appends a tfdt of version 1. ticks is the decode time of a track's first sample in a fragment.
func (w *Writer) Tfdt(ticks uint64) {
	at := w.OpenFull("tfdt", 1, 0)
	w.U64(ticks)
	w.Close(at)
}

// ReadMfhd reads the payload of an mfhd: the sequence number of a fragment (ISO/IEC 14496-12,
// 8.8.5). whole is false if the box is cut.
func ReadMfhd(payload []byte) (number uint32, whole bool) {
	f := NewFields(payload)
	f.Skip(4)
	number = f.U32()
	return number, !f.Short()
}

// Mfhd appends an mfhd with the sequence number of a fragment.
func (w *Writer) Mfhd(number uint32) {
	at := w.OpenFull("mfhd", 0, 0)
	w.U32(number)
	w.Close(at)
}
