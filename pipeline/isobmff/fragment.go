package isobmff

// Flags of tfhd (ISO/IEC 14496-12, 8.8.7).
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

	SyncFlags    = 0x02000000 // of a sample that depends on no other
	NonSyncFlags = 0x01010000 // of one that depends on others, and is no sync sample
)

// SampleDefaults apply to samples without their own values.
type SampleDefaults struct {
	DurationTicks uint32
	SizeBytes     uint32
	Flags         uint32
}

// Tfhd is a track fragment header. Flags says which of its fields are present.
type Tfhd struct {
	Flags          uint32
	TrackID        uint32
	BaseDataOffset int64 // from the beginning of the file
	Description    uint32
	SampleDefaults
}

// ReadTfhd reads the payload of a tfhd. whole is false if it is cut.
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

// Bytes returns the length of the payload with the fields of h.
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

// Over returns the defaults of the fragment, with those of the track for missing fields.
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

// Tfhd appends a track fragment header.
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

// ReadTfdt reads the decode time of the first sample of a fragment in its track (ISO/IEC 14496-12,
// 8.8.12).
func ReadTfdt(payload []byte) (ticks uint64, version uint8, whole bool) {
	f := NewFields(payload)
	version, _ = f.FullBox()
	ticks = f.Versioned(version)
	return ticks, version, !f.Short()
}

// Tfdt appends the decode time of the first sample of a fragment, in 64 bits.
func (w *Writer) Tfdt(ticks uint64) {
	at := w.OpenFull("tfdt", 1, 0)
	w.U64(ticks)
	w.Close(at)
}

// ReadMfhd reads the sequence number of a fragment (ISO/IEC 14496-12, 8.8.5).
func ReadMfhd(payload []byte) (number uint32, whole bool) {
	f := NewFields(payload)
	f.Skip(4)
	number = f.U32()
	return number, !f.Short()
}

// Mfhd appends the sequence number of a fragment.
func (w *Writer) Mfhd(number uint32) {
	at := w.OpenFull("mfhd", 0, 0)
	w.U32(number)
	w.Close(at)
}
