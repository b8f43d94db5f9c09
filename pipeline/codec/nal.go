package codec

// NAL reads the NAL units of a codec whose access units are lists of them. A NAL unit is never
// empty.
type NAL struct {
	// Sets are the types of parameter sets, in the order in which a track has them.
	Sets SetTypes
	// FirstSaysSo: the first slice of a picture is marked as such. Otherwise slice headers are
	// compared to separate pictures.
	FirstSaysSo bool

	// Role returns the role of a NAL unit for a recorder. A decoder of the base layer does not need
	// the NAL units that are left out: ITU-T H.264, 7.4.1, and H.265, 7.4.2.2, make it ignore those
	// types and layers. They have no place in a file either: layers belong to their own sample
	// entries (ISO/IEC 14496-15, clauses 6 to 9).
	Role func(nal []byte) Role
	// Begins reports whether a NAL unit after a picture that is no slice belongs to the next
	// picture (ITU-T H.264, 7.4.1.2.3; H.265, 7.4.2.4.4).
	Begins func(nal []byte) bool
	// FirstSlice reports whether a slice is certain to begin a picture.
	FirstSlice func(nal []byte) bool
	// BrokenSlice reports whether a NAL unit of RoleBroken is a slice that was marked as damaged in
	// transport and whose header can be read. Nil: the codec has no such mark.
	BrokenSlice func(nal []byte) bool
	// SlicePPS returns the id of the picture parameter set to which a slice refers; ok is false for
	// a NAL unit that is no slice or whose header cannot be read. It allocates nothing.
	SlicePPS func(nal []byte) (id uint32, ok bool)
	// RecoveryPoint finds a recovery point in a NAL unit of RoleSEI: frames is the number of frames
	// until the picture is complete. Nil for a codec without that role.
	RecoveryPoint func(nal []byte) (frames uint32, ok bool)

	// SetName reads the name of a parameter set.
	SetName func(nal []byte) (SetName, bool)
	// Picture reads the properties of the pictures from a sequence parameter set. ok is false for
	// one that cannot describe a track.
	Picture func(sps []byte) (p Picture, ok bool)
	// Equivalent reports whether two parameter sets of one type and id are the same to a decoder:
	// an SPS is if only the timing, the buffer model or the bitstream restrictions of its VUI
	// differ. Colour and aspect count, because a player shows them. The importance of a set
	// (nal_ref_idc) does not count.
	Equivalent func(kind uint8, a, b []byte) bool

	takeSet   func(h *SliceReader, nal []byte)
	readSlice func(h *SliceReader, nal []byte) SliceHeader
}

// Role is the role of a NAL unit for a recorder.
type Role uint8

// The roles of NAL units.
const (
	RoleOther     Role = iota // kept: SEI of H.265, end of sequence, auxiliary pictures
	RolePicture               // a slice
	RoleKey                   // a slice of a picture at which a decoder can start
	RoleSet                   // a parameter set: kept out of the stream
	RoleIdle                  // delimiter or filler: useless in a file
	RoleSEI                   // kept, and may have a recovery point
	RoleLayer                 // of an enhancement layer: left out, because the base layer is complete without it
	RoleUndefined             // of an undefined type: left out
	RoleBroken                // its header contradicts the standard: left out
)

// StartsPicture reports whether a NAL unit certainly begins a picture, so that loss before it
// concerns another picture.
func (n *NAL) StartsPicture(nal []byte) bool {
	if r := n.Role(nal); r != RolePicture && r != RoleKey {
		return n.Begins(nal)
	}
	return n.FirstSlice(nal)
}

// unescapeHead appends the body of a NAL unit without emulation prevention bytes to out, up to its
// capacity.
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
