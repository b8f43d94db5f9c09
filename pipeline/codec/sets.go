package codec

import (
	"errors"

	"github.com/gospool/spool/pipeline/media"
)

// SetTypes are the NAL unit types of a codec's parameter sets; VPS is 0 for a codec without.
type SetTypes struct{ VPS, SPS, PPS uint8 }

// SetName identifies a parameter set: its type and id, and the id to which it refers: a PPS refers
// to an SPS, an SPS of H.265 to a VPS.
type SetName struct {
	Kind       uint8 // NAL unit type
	ID, Refers uint32
}

// Picture holds the properties of pictures from a sequence parameter set.
type Picture struct {
	Width, Height int // pixels as shown, after cropping
	// Depth is the largest number of pictures that precede a picture in decoding order and follow
	// it in presentation; DepthUnknown if the stream does not limit it.
	Depth  int
	Fields bool // pictures may be coded as two fields
}

// DepthUnknown is the depth of a stream without a limit.
const DepthUnknown = -1

const maxDepth = 16 // of the decoded picture buffer (ITU-T H.264, A.3.1)

// Readable reports whether a parameter set can describe a track.
func (n *NAL) Readable(kind uint8, nal []byte) bool {
	if kind != n.Sets.SPS {
		return true
	}
	_, ok := n.Picture(nal)
	return ok
}

// describe completes a track of pictures from its first sequence parameter set.
func (n *NAL) describe(t *media.Track) error {
	for _, nal := range t.ParameterSets {
		if len(nal) < 3 || n.Role(nal) != RoleSet {
			continue
		}
		if name, ok := n.SetName(nal); !ok || name.Kind != n.Sets.SPS {
			continue
		}
		p, ok := n.Picture(nal)
		if !ok {
			return errors.New("the sequence parameter set cannot be read")
		}
		t.Width, t.Height = p.Width, p.Height
		return nil
	}
	return errors.New("no sequence parameter set")
}
