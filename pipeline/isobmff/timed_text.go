package isobmff

// TimedTextEntry appends the sample entry tx3g of timed text (3GPP TS 26.245, 5.16): white sans-serif text of 18 points on black,
// at the bottom of the picture.
func (w *Writer) TimedTextEntry() {
	at := w.Open("tx3g")
	w.Append(make([]byte, 6))
	w.U16(1)          // data reference
	w.U32(0)          // displayFlags
	w.U8(1)           // horizontal justification: centred
	w.U8(0xff)        // vertical justification: bottom
	w.U32(0x000000ff) // background, RGBA
	w.U64(0)          // text box: the region of the track
	w.U32(0)          // style of the characters 0 to 0: all
	w.U16(1)          // font
	w.U8(0)           // face: plain
	w.U8(18)          // points
	w.U32(0xffffffff) // RGBA
	ftab := w.Open("ftab")
	w.U16(1)
	w.U16(1)
	w.U8(10)
	w.AppendString("Sans-Serif")
	w.Close(ftab)
	w.Close(at)
}
