package codec

import (
	"encoding/binary"

	"github.com/gospool/spool/pipeline/media"
)

// Standalone takes the pictures out of a track that decode without any other, and
// makes of each one that may stand anywhere: behind it a decoder remembers nothing,
// and shows in order what it is given.
//
// What begins a coded video sequence is one as it is: an IDR picture, or a BLA
// picture of H.265. The key picture of an open GOP becomes one, since its place in
// the order of the pictures is relative to pictures that are not there any more:
// an I picture of H.264 with a recovery point of 0 frames becomes an IDR picture,
// and a CRA picture of H.265 a BLA picture. What is decoded stays the same.
//
// It is for one goroutine.
type Standalone struct {
	codec media.Codec
	h264  h264Sets
	made  uint32 // pictures that were made
	out   []byte
}

// NewStandalone makes one for the pictures of a track.
func NewStandalone(t *media.Track) *Standalone {
	s := &Standalone{codec: t.Codec}
	if t.Codec == H264 {
		s.h264.take(t.ParameterSets...)
	}
	return s
}

// Picture gives the form in which an access unit stands alone; ok is false where it
// does not decode without others, or is not understood. Both are in mdat form: NAL
// units behind 4-byte lengths. The result is good until the next call, and may be
// the argument.
func (s *Standalone) Picture(au []byte) (alone []byte, ok bool) {
	if s.codec == H265 {
		return s.picture265(au)
	}
	return s.picture264(au)
}

// nals calls f with the NAL units of an access unit, and reports whether their
// lengths are right and f was content with all.
func nals(au []byte, f func(nal []byte) bool) bool {
	for len(au) > 0 {
		if len(au) < 4 {
			return false
		}
		n := binary.BigEndian.Uint32(au)
		if au = au[4:]; n == 0 || uint64(n) > uint64(len(au)) {
			return false
		}
		if !f(au[:n]) {
			return false
		}
		au = au[n:]
	}
	return true
}

func (s *Standalone) add(nal []byte) {
	s.out = binary.BigEndian.AppendUint32(s.out, uint32(len(nal)))
	s.out = append(s.out, nal...)
}

// picture265 makes of a CRA picture a BLA picture without leading ones: their slice
// headers are the same (7.3.6.1).
func (s *Standalone) picture265(au []byte) ([]byte, bool) {
	s.out = append(s.out[:0], au...)
	pictures := false
	ok := nals(s.out, func(nal []byte) bool {
		if len(nal) < 3 {
			return false
		}
		switch t := nal[0] >> 1 & 0x3f; {
		case t == cra265:
			nal[0] = nal[0]&0x81 | blaNLP265<<1
		case t >= blaWLP265 && t < cra265:
		case t < 32:
			return false // it refers to others
		default:
			return true
		}
		pictures = true
		return true
	})
	return s.out, ok && pictures
}
