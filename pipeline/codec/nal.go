package codec

// NAL reads the NAL units of a codec whose access units are lists of them. A NAL unit
// is not empty.
type NAL struct {
	// Sets are the types of parameter sets, in the order in which a track has them.
	Sets SetTypes
	// FirstSaysSo: the first slice of a picture says that it is. Else pictures are told
	// apart by comparing slice headers.
	FirstSaysSo bool

	// Role is what a NAL unit is to a recorder. One that is left out is none that a
	// decoder of the base layer needs: ITU-T H.264, 7.4.1, and H.265, 7.4.2.2, have it
	// ignore those types and layers. In a file they have no place either: layers belong
	// to sample entries of their own (ISO/IEC 14496-15, clauses 6 to 9).
	Role func(nal []byte) Role
	// Begins reports whether a NAL unit that is no slice, behind a picture, is part of
	// the next one (ITU-T H.264, 7.4.1.2.3; H.265, 7.4.2.4.4).
	Begins func(nal []byte) bool
	// FirstSlice reports whether a slice is certain to begin a picture.
	FirstSlice func(nal []byte) bool
	// BrokenSlice reports whether a NAL unit of RoleBroken is a slice that was marked
	// for damage on its way, whose header can be read. Nil: none can be told.
	BrokenSlice func(nal []byte) bool
	// SlicePPS is the id of the picture parameter set that a slice refers to. Of a NAL
	// unit that is no slice, or one whose header cannot be read, nothing is known. It
	// allocates nothing.
	SlicePPS func(nal []byte) (id uint32, ok bool)
	// RecoveryPoint looks for one in a NAL unit of RoleSEI: frames is their number until
	// the picture is whole. Nil where no NAL unit has that role.
	RecoveryPoint func(nal []byte) (frames uint32, ok bool)

	// SetName reads the name of a parameter set.
	SetName func(nal []byte) (SetName, bool)
	// Picture reads what a sequence parameter set says of the pictures. It is not ok for
	// one by which a track cannot be described.
	Picture func(sps []byte) (p Picture, ok bool)
	// Equivalent reports whether two parameter sets of one type and id are the same to a
	// decoder: an SPS is if only the timing, the buffer model or the promises of its VUI
	// differ. Colour and aspect are not ignored: a player shows them. Nor does it matter
	// how important a set is said to be (nal_ref_idc).
	Equivalent func(kind uint8, a, b []byte) bool

	takeSet   func(h *SliceReader, nal []byte)
	readSlice func(h *SliceReader, nal []byte) SliceHeader
}

// Role is what a NAL unit is to a recorder.
type Role uint8

// The roles of NAL units.
const (
	RoleOther     Role = iota // kept: SEI of H.265, end of sequence, auxiliary pictures
	RolePicture               // a slice
	RoleKey                   // a slice of a picture that a decoder can start at
	RoleSet                   // a parameter set: kept out of the stream
	RoleIdle                  // delimiter or filler: of no use in a file
	RoleSEI                   // kept, and may tell of a recovery point
	RoleLayer                 // of an enhancement layer: left out, the base layer is whole without it
	RoleUndefined             // of a type that no standard gives a meaning: left out
	RoleBroken                // its header contradicts the standard: left out
)

// StartsPicture reports whether a NAL unit is certain to begin a picture, so that what
// is missing before it is of another one.
func (n *NAL) StartsPicture(nal []byte) bool {
	if r := n.Role(nal); r != RolePicture && r != RoleKey {
		return n.Begins(nal)
	}
	return n.FirstSlice(nal)
}

// unescapeHead takes the emulation prevention bytes out of the body of a NAL unit, up
// to the capacity of what it appends to.
func unescapeHead(out, body []byte) []byte {
	zeros := 0
	for _, v := range body {
		if len(out) == cap(out) {
			break
		}
		if zeros >= 2 && v == 3 {
			zeros = 0
			continue
		}
		if v == 0 {
			zeros++
		} else {
			zeros = 0
		}
		out = append(out, v)
	}
	return out
}
