package codec

import "github.com/gospool/spool/pipeline/media"

// Standalone finds the pictures of a track that can be decoded without other pictures. It returns each in a
// form that may follow any other picture: a decoder then forgets all earlier pictures and outputs the pictures
// in the order in which it gets them.
//
// A picture that begins a coded video sequence already has this form: an IDR picture, or a BLA picture of
// H.265. The key picture of an open GOP is changed, because its picture order count is relative to pictures
// that are not there any more. An I picture of H.264 with a recovery point of 0 frames becomes an IDR picture.
// A CRA picture of H.265 becomes a BLA picture. The decoded picture is the same.
//
// A Standalone is not safe for concurrent use.
type Standalone struct {
	picture func(au []byte) (alone []byte, ok bool)
}

// NewStandalone returns a Standalone for the pictures of a track.
func NewStandalone(t *media.Track) *Standalone {
	c := Of(t.Codec)
	switch {
	case c == nil:
		return &Standalone{func(au []byte) ([]byte, bool) { return au, false }}
	case c.standalone == nil: // each sync sample can be decoded alone
		return &Standalone{func(au []byte) ([]byte, bool) { return au, len(au) > 0 && (c.Sync == nil || c.Sync(au)) }}
	}
	return &Standalone{c.standalone(t)}
}

// Picture returns the access unit au, changed so that a decoder can decode it alone and after any other picture:
// see Standalone. ok is false if au cannot be decoded without other pictures, or cannot be parsed. au and the
// result are in mdat form: NAL units with 4-byte lengths, or a frame. The result may be au itself, and is valid
// until the next call.
func (s *Standalone) Picture(au []byte) (alone []byte, ok bool) { return s.picture(au) }
