package isobmff

import gomp4 "github.com/abema/go-mp4"

// Descriptors of an esds (ISO/IEC 14496-1, 7.2.6).
const (
	tagES       = 3
	tagConfig   = 4
	tagSpecific = 5
)

// MPEG4Audio is the object type of ISO/IEC 14496-3 (ISO/IEC 14496-1, table 5).
const MPEG4Audio = 0x40

// Esds appends the esds of a track of MPEG-4 audio (ISO/IEC 14496-14, 5.6.1).
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

// ReadEsds reads the payload of an esds: the object type of the stream, and the decoder specific
// information, which is a view. ok is false if it is cut.
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

// descriptor reads the next descriptor, which must have a tag: the tag, a length of 7 bits a byte,
// and the body, which it returns.
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
