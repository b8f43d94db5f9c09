package isobmff

// Tags of the descriptors in an esds (ISO/IEC 14496-1, 7.2.6): ES_Descriptor,
// DecoderConfigDescriptor, DecoderSpecificInfo, SLConfigDescriptor.
const (
	tagES       = 3
	tagConfig   = 4
	tagSpecific = 5
	tagSL       = 6
)

// MPEG4Audio is the objectTypeIndication of ISO/IEC 14496-3 audio, such as AAC (ISO/IEC 14496-1,
// table 5).
const MPEG4Audio = 0x40

// MPEG4Visual is the objectTypeIndication of ISO/IEC 14496-2.
const MPEG4Visual = 0x20

// Values of streamType (ISO/IEC 14496-1, table 6).
const (
	VisualStream = 0x04
	AudioStream  = 0x05
)

// Esds appends the esds of a track (ISO/IEC 14496-14, 5.6.1). stream is its streamType, object its objectTypeIndication.
// specific is its DecoderSpecificInfo, for AAC the AudioSpecificConfig. A track without one has an empty specific.
func (w *Writer) Esds(stream, object uint8, specific []byte) {
	const config, es = 13, 3 // bytes of the descriptors' own fields
	n := len(specific)
	if n > 0 {
		n += 5
	}
	at := w.OpenFull("esds", 0, 0)
	w.descriptor(tagES, es+5+config+n+5+1)
	w.zeros(es)
	w.descriptor(tagConfig, config+n)
	w.B = append(w.B, object, stream<<2|1) // the last bit is reserved
	w.zeros(3 + 4 + 4)                     // bufferSizeDB, maxBitrate, avgBitrate: not known
	if n > 0 {
		w.descriptor(tagSpecific, len(specific))
		w.Append(specific)
	}
	w.descriptor(tagSL, 1)
	w.U8(2) // as in every MP4 file (ISO/IEC 14496-14, 3.1.2)
	w.Close(at)
}

// descriptor appends the tag of a descriptor, and the length of its body in 4 bytes (ISO/IEC 14496-1, 8.3.3).
func (w *Writer) descriptor(tag uint8, n int) {
	w.B = append(w.B, tag, uint8(n>>21)|0x80, uint8(n>>14)|0x80, uint8(n>>7)|0x80, uint8(n)&0x7f)
}

// ReadEsds reads the payload of an esds: the objectTypeIndication, and the DecoderSpecificInfo in
// the memory of the payload, nil if the esds has none. ok is false if the box is cut or has other
// descriptors.
func ReadEsds(payload []byte) (object uint8, specific []byte, ok bool) {
	f := NewFields(payload)
	f.Skip(4)
	es := NewFields(descriptor(&f, tagES))
	es.Skip(2)
	flags := es.U8()
	if flags&0x80 != 0 {
		es.Skip(2)
	}
	if flags&0x40 != 0 {
		es.Skip(int(es.U8()))
	}
	if flags&0x20 != 0 {
		es.Skip(2)
	}
	config := NewFields(descriptor(&es, tagConfig))
	object = config.U8()
	config.Skip(12)
	if left := config; len(left.Rest()) > 0 {
		specific = descriptor(&config, tagSpecific)
	}
	return object, specific, !config.Short() && !es.Short()
}

// descriptor reads the next descriptor: a tag, a length with 7 bits in each byte, and a body. It
// returns the body, or nil if the tag differs from the given one or the body is cut.
func descriptor(f *Fields, tag uint8) []byte {
	if f.U8() != tag {
		f.Fail()
		return nil
	}
	n := 0
	for range 4 {
		b := f.U8()
		n = n<<7 | int(b&0x7f)
		if b&0x80 == 0 {
			break
		}
	}
	return f.Take(n)
}
