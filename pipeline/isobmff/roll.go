package isobmff

// RollDescription says how far from a sample a decoder has to start, so that it decodes
// that sample right: -1 is one sample before it (ISO/IEC 14496-12, 10.1; 14496-14,
// 3.1.1). It is the first description of its kind of the track.
func (w *Writer) RollDescription(distance int16) {
	at := w.OpenFull("sgpd", 1, 0)
	w.AppendString("roll")
	w.U32(2) // length of each entry
	w.U32(1)
	w.U16(uint16(distance))
	w.Close(at)
}

// ReadRollDescription reads the distance out of the payload of an sgpd; 0 where it has
// none.
func ReadRollDescription(sgpd []byte) (distance int16) {
	f := NewFields(sgpd)
	f.Skip(4)
	if string(f.Take(4)) != "roll" {
		return 0
	}
	f.Skip(8)
	return int16(f.U16())
}

// RollSamples says of so many samples that they have the first roll description.
func (w *Writer) RollSamples(samples uint32) {
	at := w.OpenFull("sbgp", 0, 0)
	w.AppendString("roll")
	w.U32(1)
	w.U32(samples)
	w.U32(1) // the first description
	w.Close(at)
}
