package nalunit

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
