package isobmff

import gomp4 "github.com/abema/go-mp4"

// AVCConfig holds an avcC, the decoder configuration of H.264 (ISO/IEC 14496-15, 5.3.3.1).
type AVCConfig struct {
	LengthSize      int      // bytes of the length before each NAL unit in a sample
	Profile, Compat uint8    // profile_idc, and the byte with the constraint flags
	Level           uint8    // level_idc
	High            bool     // the profile has the following three fields
	ChromaFormat    uint8    // chroma_format_idc
	LumaMinus8      uint8    // bit depth of luma, less 8
	ChromaMinus8    uint8    // bit depth of chroma, less 8
	SequenceSets    [][]byte // sequence parameter sets, 31 at most
	PictureSets     [][]byte // picture parameter sets, 255 at most
}

// AVCConfig appends an avcC. Each parameter set must have less than 64 KiB.
func (w *Writer) AVCConfig(c *AVCConfig) {
	sets := func(nals [][]byte) (out []gomp4.AVCParameterSet) {
		for _, nal := range nals {
			out = append(out, gomp4.AVCParameterSet{Length: uint16(len(nal)), NALUnit: nal})
		}
		return out
	}
	box := &gomp4.AVCDecoderConfiguration{
		AnyTypeBox:           gomp4.AnyTypeBox{Type: gomp4.BoxTypeAvcC()},
		ConfigurationVersion: 1,
		Profile:              c.Profile, ProfileCompatibility: c.Compat, Level: c.Level,
		Reserved: 63, LengthSizeMinusOne: uint8(c.LengthSize - 1), Reserved2: 7, // reserved bits are ones, and go-mp4 does not set them
		NumOfSequenceParameterSets: uint8(len(c.SequenceSets)), SequenceParameterSets: sets(c.SequenceSets),
		NumOfPictureParameterSets: uint8(len(c.PictureSets)), PictureParameterSets: sets(c.PictureSets),
	}
	if c.High {
		box.HighProfileFieldsEnabled = true
		box.Reserved3, box.Reserved4, box.Reserved5 = 63, 31, 31
		box.ChromaFormat, box.BitDepthLumaMinus8, box.BitDepthChromaMinus8 = c.ChromaFormat, c.LumaMinus8, c.ChromaMinus8
	}
	w.marshal(box)
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
		for _, nal := range a.NALs {
			w.U16(uint16(len(nal)))
			w.Append(nal)
		}
	}
	w.Close(at)
}

// ReadHEVCConfig reads the payload of an hvcC. The parameter sets share the memory of the payload.
// ok is false if the box is cut.
func ReadHEVCConfig(payload []byte) (c HEVCConfig, ok bool) {
	f := NewFields(payload)
	f.Skip(1)
	copy(c.ProfileTierLevel[:], f.Take(len(c.ProfileTierLevel)))
	f.Skip(3)
	c.ChromaFormat, c.LumaMinus8, c.ChromaMinus8 = f.U8()&3, f.U8()&7, f.U8()&7
	f.Skip(2)
	layers := f.U8()
	c.Layers, c.Nested, c.LengthSize = layers>>3&7, layers&4 != 0, int(layers&3)+1
	for range f.U8() {
		a := HEVCArray{Type: f.U8() & 0x3f}
		for range f.U16() {
			nal := f.Take(int(f.U16()))
			if f.Short() {
				break
			}
			a.NALs = append(a.NALs, nal)
		}
		c.Arrays = append(c.Arrays, a)
	}
	return c, !f.Short()
}
