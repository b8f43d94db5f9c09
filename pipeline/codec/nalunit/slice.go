package nalunit

// SliceHeader holds the fields of a slice header that distinguish pictures. A field that the codec or the
// stream does not have is zero.
type SliceHeader struct {
	OK        bool // the header was read, which needs the parameter sets that it names
	Partition bool // the slice is a data partition after the first and has no header (ITU-T H.264, 7.3.2.9)
	Ref       bool // nal_ref_idc is not 0: other pictures refer to this one
	IDR       bool

	First     uint32 // first_mb_in_slice; in H.265 0 for the first segment of a picture, else 1
	PPS       uint32 // id of its PPS
	Plane     uint8  // colour_plane_id
	FrameNum  uint32
	Field     bool // the picture is one field of a frame
	Bottom    bool // that field is the bottom field
	IDRID     uint32
	POC       uint32 // low bits of the picture order count
	POCBits   uint8  // number of these bits; 0 if the header does not contain them
	Delta     [2]int32
	Redundant uint32 // redundant_pic_cnt
}

// SliceReader reads slice headers with the parameter sets that Set stored before. Its methods do not allocate.
type SliceReader interface {
	// Set stores a parameter set for the following slices. It ignores a set that cannot be read.
	Set(nal []byte)
	// Read reads the header of a slice. SliceHeader.OK is false if the header cannot be read.
	Read(nal []byte) SliceHeader
}

// Differs reports whether this slice begins another primary coded picture than the slice before (ITU-T H.264,
// 7.4.1.2.4).
func (s *SliceHeader) Differs(before *SliceHeader) bool {
	return s.FrameNum != before.FrameNum || s.PPS != before.PPS ||
		s.Field != before.Field || s.Bottom != before.Bottom ||
		s.Ref != before.Ref || s.IDR != before.IDR || s.IDRID != before.IDRID ||
		s.POC != before.POC || s.Delta != before.Delta
}

// Completes reports whether this slice belongs to the second field of a frame, and the slice before to the
// first field (ITU-T H.264, 3.30 and 3.31).
func (s *SliceHeader) Completes(before *SliceHeader) bool {
	return s.Field && before.Field && s.Bottom != before.Bottom && s.FrameNum == before.FrameNum && !s.IDR
}

// StartsPlane reports whether the slice begins with the first macroblock of a colour plane. A primary coded
// picture has one such slice for each plane.
func (s *SliceHeader) StartsPlane() bool { return s.OK && s.First == 0 && s.Redundant == 0 }
