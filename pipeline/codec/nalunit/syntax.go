// Package nalunit describes the NAL units of a codec: their roles, parameter sets and slice headers. Each codec
// with NAL units has a package beside this one that implements the functions of Syntax.
package nalunit

// Syntax holds the functions that read the NAL units of one codec. Each NAL unit passed to them has at least one
// byte, and begins with its header.
type Syntax struct {
	// Sets holds the types of parameter sets, in the order in which a track has them.
	Sets SetTypes
	// FirstSaysSo reports that a flag marks the first slice of a picture. For a codec without this flag, slice
	// headers are compared to find where a picture begins.
	FirstSaysSo bool

	// Role returns the role of a NAL unit for a recorder. A decoder of the base layer ignores the types and
	// layers that a recorder leaves out (ITU-T H.264, 7.4.1; H.265, 7.4.2.2). In a file, layers would need
	// sample entries of their own (ISO/IEC 14496-15, clauses 6 to 9).
	Role func(nal []byte) Role
	// Begins reports whether a NAL unit that is not a slice belongs to the next picture when it follows a slice
	// (ITU-T H.264, 7.4.1.2.3; H.265, 7.4.2.4.4).
	Begins func(nal []byte) bool
	// FirstSlice reports whether a slice certainly begins a picture. nal has at least the slice header's first
	// byte.
	FirstSlice func(nal []byte) bool
	// BrokenSlice reports whether a NAL unit of RoleBroken is a slice that the network marked as damaged and
	// whose header can be read. It is nil for a codec for which the network does not mark slices.
	BrokenSlice func(nal []byte) bool
	// SlicePPS returns the id of the PPS that a slice names. ok is false for a NAL unit that is not a slice, or
	// whose header cannot be read. It does not allocate.
	SlicePPS func(nal []byte) (id uint32, ok bool)
	// RecoveryPoint finds a recovery point in a NAL unit of RoleSEI. frames is the number of frames after which
	// the pictures are correct. It is nil for a codec without NAL units of RoleSEI.
	RecoveryPoint func(nal []byte) (frames uint32, ok bool)

	// SetName returns the name of a parameter set, and false if it cannot be read.
	SetName func(nal []byte) (SetName, bool)
	// Picture returns the properties of the pictures that an SPS describes. ok is false if the SPS cannot be
	// read or the size cannot be stored.
	Picture func(sps []byte) (p Picture, ok bool)
	// Equivalent reports whether two parameter sets of one type and id are equal for a decoder and a player. It
	// ignores differences in the timing and the buffer model of the VUI of an SPS, and in nal_ref_idc, the
	// importance of a set. Colour and aspect ratio must be equal, because a player uses them.
	Equivalent func(kind uint8, a, b []byte) bool

	// NewSliceReader returns a reader for the codec's slices.
	NewSliceReader func() SliceReader
}

// StartsPicture reports whether a NAL unit certainly begins a picture. If so, packets lost before it do not
// belong to its picture.
func (n *Syntax) StartsPicture(nal []byte) bool {
	if r := n.Role(nal); r != RolePicture && r != RoleKey {
		return n.Begins(nal)
	}
	return n.FirstSlice(nal)
}
