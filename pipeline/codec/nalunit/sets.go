package nalunit

import (
	"errors"

	"github.com/gospool/spool/pipeline/media"
)

// SetTypes holds the NAL unit types of a codec's parameter sets. VPS is 0 if the codec has none.
type SetTypes struct{ VPS, SPS, PPS uint8 }

// SetName identifies a parameter set by its type and id. Refers is the id of the set that it names: a PPS names
// an SPS, and an SPS of H.265 names a VPS.
type SetName struct {
	Kind       uint8 // NAL unit type
	ID, Refers uint32
}

// Picture holds the properties of the pictures that an SPS describes.
type Picture struct {
	Width, Height int // pixels as shown, after cropping
	// Depth is the largest number of pictures that precede a picture in decoding order and follow it in output
	// order. It is DepthUnknown if the SPS sets no limit.
	Depth  int
	Fields bool // pictures may be coded as two fields
}

// DepthUnknown is the Depth of an SPS that sets no limit.
const DepthUnknown = -1

// MaxDepth is the largest Picture.Depth: the size of the decoded picture buffer (ITU-T H.264, A.3.1).
const MaxDepth = 16

// StorableSize reports whether the sample entry of a track can hold a picture size in pixels.
func StorableSize(w, h int) bool { return w > 0 && h > 0 && w <= 65535 && h <= 65535 }

// Readable reports whether a parameter set can be used to describe a track. It parses an SPS, and returns true for
// a set of any other type.
func (n *Syntax) Readable(kind uint8, nal []byte) bool {
	if kind != n.Sets.SPS {
		return true
	}
	_, ok := n.Picture(nal)
	return ok
}

// Describe sets the picture size of a track from its first SPS. It returns an
// error if the track has no SPS, or if the first SPS cannot be read.
func (n *Syntax) Describe(t *media.Track) error {
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
