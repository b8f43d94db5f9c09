package isobmff

// RollDescription appends an sgpd with one description of grouping type roll (ISO/IEC 14496-12,
// 10.1; 14496-14, 3.1.1). distance is its roll_distance: with -1, a decoder must start one sample
// before a sample of the group to decode that sample correctly, with -2 two samples before it.
func (w *Writer) RollDescription(distance int16) {
	at := w.OpenFull("sgpd", 1, 0)
	w.AppendString("roll")
	w.U32(2) // length of each entry
	w.U32(1)
	w.U16(uint16(distance))
	w.Close(at)
}

// ReadRollDescription returns the first roll_distance in the payload of an sgpd. It returns 0 if
// the payload is nil, cut or of another grouping type.
func ReadRollDescription(sgpd []byte) (distance int16) {
	f := NewFields(sgpd)
	f.Skip(4)
	if string(f.Take(4)) != "roll" {
		return 0
	}
	f.Skip(8)
	return int16(f.U16())
}

// RollSamples appends an sbgp that assigns the first roll description to the given number of
// samples, from the first on (ISO/IEC 14496-12, 8.9.2).
func (w *Writer) RollSamples(samples uint32) {
	at := w.OpenFull("sbgp", 0, 0)
	w.AppendString("roll")
	w.U32(1)
	w.U32(samples)
	w.U32(1) // the first description
	w.Close(at)
}
