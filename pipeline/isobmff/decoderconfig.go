package isobmff

// AVCConfig holds an avcC, the decoder configuration of H.264 (ISO/IEC 14496-15, 5.3.3.1).
type AVCConfig struct {
	LengthSize      int      // bytes of the length before each NAL unit in a sample
	Profile, Compat uint8    // profile_idc, and the byte with the constraint flags
	Level           uint8    // level_idc
	High            bool     // avcC has the following three fields: profile_idc is neither 66 nor 77 nor 88
	ChromaFormat    uint8    // chroma_format_idc
	LumaMinus8      uint8    // bit depth of luma, less 8
	ChromaMinus8    uint8    // bit depth of chroma, less 8
	SequenceSets    [][]byte // sequence parameter sets, 31 at most
	PictureSets     [][]byte // picture parameter sets, 255 at most
}

// AVCConfig appends an avcC. Each parameter set must have less than 64 KiB.
func (w *Writer) AVCConfig(c *AVCConfig) {
	at := w.Open("avcC")
	// Reserved bits are ones.
	w.B = append(w.B, 1, c.Profile, c.Compat, c.Level, 0xfc|uint8(c.LengthSize-1), 0xe0|uint8(len(c.SequenceSets)))
	w.parameterSets(c.SequenceSets)
	w.U8(uint8(len(c.PictureSets)))
	w.parameterSets(c.PictureSets)
	if c.High {
		w.B = append(w.B, 0xfc|c.ChromaFormat, 0xf8|c.LumaMinus8, 0xf8|c.ChromaMinus8, 0) // no extensions of sequence parameter sets
	}
	w.Close(at)
}

// parameterSets appends NAL units, each after its length in 2 bytes.
func (w *Writer) parameterSets(nals [][]byte) {
	for _, nal := range nals {
		w.U16(uint16(len(nal)))
		w.Append(nal)
	}
}

// ReadAVCConfig reads the payload of an avcC up to the end of its parameter sets; it does not read
// High and the three fields after it. The parameter sets share the memory of the payload. ok is
// false if the box is cut.
func ReadAVCConfig(payload []byte) (c AVCConfig, ok bool) {
	f := NewFields(payload)
	f.Skip(1)
	c.Profile, c.Compat, c.Level = f.U8(), f.U8(), f.U8()
	c.LengthSize = int(f.U8()&3) + 1
	for range f.U8() & 31 {
		c.SequenceSets = append(c.SequenceSets, f.Take(int(f.U16())))
	}
	for range f.U8() {
		c.PictureSets = append(c.PictureSets, f.Take(int(f.U16())))
	}
	return c, !f.Short()
}

// HEVCConfig holds an hvcC, the decoder configuration of H.265 (ISO/IEC 14496-15, 8.3.3.1).
type HEVCConfig struct {
	LengthSize       int      // bytes of the length before each NAL unit in a sample
	ProfileTierLevel [12]byte // general_profile_space to general_level_idc, as in the parameter sets
	ChromaFormat     uint8    // chroma_format_idc
	LumaMinus8       uint8    // bit depth of luma, less 8
	ChromaMinus8     uint8    // bit depth of chroma, less 8
	Layers           uint8    // number of temporal layers
	Nested           bool     // temporalIdNested: switching to a higher layer is possible at any picture
	Arrays           []HEVCArray
}

// HEVCArray holds all parameter sets of one NAL unit type. Samples contain no further ones
// (array_completeness).
type HEVCArray struct {
	Type uint8 // NAL_unit_type
	NALs [][]byte
}

// HEVCConfig appends an hvcC. Each parameter set must have less than 64 KiB. Fields of an hvcC that
// the type HEVCConfig lacks are written as unknown.
func (w *Writer) HEVCConfig(c *HEVCConfig) {
	at := w.Open("hvcC")
	w.U8(1) // version
	w.Append(c.ProfileTierLevel[:])
	w.U16(0xf000) // min_spatial_segmentation_idc is not known
	w.U8(0xfc)    // parallelismType is not known
	w.U8(0xfc | c.ChromaFormat)
	w.U8(0xf8 | c.LumaMinus8)
	w.U8(0xf8 | c.ChromaMinus8)
	w.U16(0) // avgFrameRate is not known
	layers := c.Layers<<3 | uint8(c.LengthSize-1)
	if c.Nested {
		layers |= 4
	}
	w.U8(layers)
	w.U8(uint8(len(c.Arrays)))
	for _, a := range c.Arrays {
		w.U8(0x80 | a.Type) // array_completeness
		w.U16(uint16(len(a.NALs)))
		w.parameterSets(a.NALs)
	}
	w.Close(at)
}

// maxHEVCNALs bounds the NAL units of an hvcC: an empty one would take more memory than its bytes.
const maxHEVCNALs = 64

// ReadHEVCConfig reads the payload of an hvcC. The parameter sets share the memory of the payload.
// ok is false if the box is cut, has an empty NAL unit, or has more than 64 NAL units.
func ReadHEVCConfig(payload []byte) (c HEVCConfig, ok bool) {
	f := NewFields(payload)
	f.Skip(1)
	copy(c.ProfileTierLevel[:], f.Take(len(c.ProfileTierLevel)))
	f.Skip(3)
	c.ChromaFormat, c.LumaMinus8, c.ChromaMinus8 = f.U8()&3, f.U8()&7, f.U8()&7
	f.Skip(2)
	layers := f.U8()
	c.Layers, c.Nested, c.LengthSize = layers>>3&7, layers&4 != 0, int(layers&3)+1
	total := 0
	for range f.U8() {
		a := HEVCArray{Type: f.U8() & 0x3f}
		for range f.U16() {
			nal := f.Take(int(f.U16()))
			if total++; len(nal) == 0 || total > maxHEVCNALs {
				f.Fail()
				break
			}
			a.NALs = append(a.NALs, nal)
		}
		c.Arrays = append(c.Arrays, a)
	}
	return c, !f.Short()
}
