package isobmff

// RollDescription appends the sgpd of a track with one roll distance: the number of samples before
// a sample at which a decoder must start to decode it correctly, -1 for one sample (ISO/IEC
// 14496-12, 10.1; 14496-14, 3.1.1).
func (w *Writer) RollDescription(distance int16) {
	at := w.OpenFull("sgpd", 1, 0)
	w.AppendString("roll")
	w.U32(2) // length of each entry
	w.U32(1)
	w.U16(uint16(distance))
	w.Close(at)
}

// ReadRollDescription returns the distance of the payload of an sgpd; 0 without one.
func ReadRollDescription(sgpd []byte) (distance int16) {
	f := NewFields(sgpd)
	f.Skip(4)
	if string(f.Take(4)) != "roll" {
		return 0
	}
	f.Skip(8)
	return int16(f.U16())
}

// RollSamples appends the sbgp that assigns the first roll description to so many samples.
func (w *Writer) RollSamples(samples uint32) {
	at := w.OpenFull("sbgp", 0, 0)
	w.AppendString("roll")
	w.U32(1)
	w.U32(samples)
	w.U32(1) // the first description
	w.Close(at)
}
