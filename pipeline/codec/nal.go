package codec

// NAL holds the functions that read the NAL units of one codec. Each NAL unit passed to them has at least one
// byte, and begins with its header.
type NAL struct {
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

	// takeSet and readSlice implement SliceReader.Set and SliceReader.Read.
	takeSet   func(h *SliceReader, nal []byte)
	readSlice func(h *SliceReader, nal []byte) SliceHeader
}

// Role is the use that a recorder makes of a NAL unit.
type Role uint8

// The roles of NAL units.
const (
	RoleOther     Role = iota // kept: for example SEI of H.265, end of sequence, auxiliary pictures
	RolePicture               // a slice
	RoleKey                   // a slice of a key picture, at which a decoder can start
	RoleSet                   // a parameter set, which is kept in the track and not in the stream
	RoleIdle                  // a delimiter or filler data, which a file does not need
	RoleSEI                   // SEI of H.264: kept, and may contain a recovery point
	RoleLayer                 // left out: belongs to an enhancement layer, which the base layer does not need
	RoleUndefined             // left out: its type is undefined
	RoleBroken                // left out: its header contradicts the standard
)

// StartsPicture reports whether a NAL unit certainly begins a picture. If so, packets lost before it do not
// belong to its picture.
func (n *NAL) StartsPicture(nal []byte) bool {
	if r := n.Role(nal); r != RolePicture && r != RoleKey {
		return n.Begins(nal)
	}
	return n.FirstSlice(nal)
}

// unescapeHead appends the beginning of a NAL unit's body to out, without emulation prevention bytes, until out
// is full. It never grows out.
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
