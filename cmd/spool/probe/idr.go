package probe

import (
	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/codec/nalunit"
	"github.com/gospool/spool/pipeline/media"
)

// idrFinder finds IDR pictures: no picture after an IDR picture in decoding order refers to a picture before it, even
// if it is shown before the IDR picture.
type idrFinder struct {
	syntax *nalunit.Syntax // nil: the codec has no such pictures
	slices nalunit.SliceReader
}

func newIDRFinder(t *media.Track) *idrFinder {
	f := &idrFinder{}
	if c := codec.Of(t.Codec); c != nil && c.NAL != nil {
		f.syntax, f.slices = c.NAL, c.NAL.NewSliceReader()
		for _, set := range t.ParameterSets {
			f.slices.Set(set)
		}
	}
	return f
}

// in reports whether an access unit in mdat form, or its first bytes, begins with an IDR picture.
func (f *idrFinder) in(au []byte) (idr bool) {
	if f.syntax == nil {
		return false
	}
	first := func(nal []byte) bool {
		if role := f.syntax.Role(nal); role != nalunit.RoleKey && role != nalunit.RolePicture {
			return true
		}
		h := f.slices.Read(nal)
		idr = h.OK && h.IDR
		return false
	}
	nalunit.EachCut(au, first)
	return idr
}
