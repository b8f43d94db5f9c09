package isobmff

// RollDescription says that a decoder which starts at some sample has to decode so many
// before it too (ISO/IEC 14496-12, 10.1; 14496-14, 3.1.1). It is the first description
// of its kind of the track.
func (w *Writer) RollDescription(before int16) {
	at := w.OpenFull("sgpd", 1, 0)
	w.AppendString("roll")
	w.U32(2) // length of each entry
	w.U32(1)
	w.U16(uint16(-before))
	w.Close(at)
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
