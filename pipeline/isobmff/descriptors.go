package isobmff

import gomp4 "github.com/abema/go-mp4"

// Tags of the descriptors in an esds (ISO/IEC 14496-1, 7.2.6): ES_Descriptor,
// DecoderConfigDescriptor, DecoderSpecificInfo.
const (
	tagES       = 3
	tagConfig   = 4
	tagSpecific = 5
)

// MPEG4Audio is the objectTypeIndication of ISO/IEC 14496-3 audio, such as AAC (ISO/IEC 14496-1,
// table 5).
const MPEG4Audio = 0x40

// Esds appends the esds of an MPEG-4 audio track (ISO/IEC 14496-14, 5.6.1). specific is its
// DecoderSpecificInfo, for AAC the AudioSpecificConfig.
func (w *Writer) Esds(specific []byte) {
	const config, stream = 13, 3 // bytes of the descriptors' own fields
	n := uint32(len(specific))
	w.marshal(&gomp4.Esds{Descriptors: []gomp4.Descriptor{
		{
			Tag: gomp4.ESDescrTag, Size: stream + 5 + config + 5 + n + 5 + 1,
			ESDescriptor: &gomp4.ESDescriptor{},
		},
		{
			Tag: gomp4.DecoderConfigDescrTag, Size: config + 5 + n,
			DecoderConfigDescriptor: &gomp4.DecoderConfigDescriptor{
				ObjectTypeIndication: MPEG4Audio, StreamType: 0x05, Reserved: true,
			},
		},
		{Tag: gomp4.DecSpecificInfoTag, Size: n, Data: specific},
		{Tag: gomp4.SLConfigDescrTag, Size: 1, Data: []byte{2}},
	}})
}

// ReadEsds reads the payload of an esds: the objectTypeIndication, and the DecoderSpecificInfo in
// the memory of the payload. ok is false if the box is cut or has other descriptors.
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
	specific = descriptor(&config, tagSpecific)
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
