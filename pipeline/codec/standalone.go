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
	picture func(au []byte) (alone []byte, ok bool)
}

// NewStandalone makes one for the pictures of a track.
func NewStandalone(t *media.Track) *Standalone {
	c := Of(t.Codec)
	switch {
	case c == nil:
		return &Standalone{func(au []byte) ([]byte, bool) { return au, false }}
	case c.standalone == nil: // a decoder remembers nothing behind a sync sample
		return &Standalone{func(au []byte) ([]byte, bool) { return au, len(au) > 0 && (c.Sync == nil || c.Sync(au)) }}
	}
	return &Standalone{c.standalone(t)}
}

// Picture gives the form in which an access unit stands alone; ok is false where it
// does not decode without others, or is not understood. Both are as they are stored:
// NAL units behind 4-byte lengths, or a frame. The result is good until the next call,
// and may be the argument.
func (s *Standalone) Picture(au []byte) (alone []byte, ok bool) { return s.picture(au) }

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
