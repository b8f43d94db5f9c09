package h265

import "github.com/gospool/spool/pipeline/codec/nalunit"

// Standalone finds the pictures of a track that can be decoded without other pictures. It holds the memory for the
// picture that Picture returns. Its zero value is ready.
type Standalone struct{ out []byte }

// Picture implements codec.Standalone.Picture. It changes a CRA picture to a BLA picture without leading pictures,
// and copies an IDR or BLA picture unchanged. The slice headers of CRA and BLA pictures are the same (ITU-T
// H.265, 7.3.6.1).
func (s *Standalone) Picture(au []byte) ([]byte, bool) {
	s.out = append(s.out[:0], au...)
	pictures := false
	ok := nalunit.Each(s.out, func(nal []byte) bool {
		if len(nal) < 3 {
			return false
		}
		switch t := nal[0] >> 1 & 0x3f; {
		case t == craType:
			nal[0] = nal[0]&0x81 | blaNLPType<<1
		case t >= blaWLPType && t < craType:
		case t < 32:
			return false // the picture refers to other pictures
		default:
			return true
		}
		pictures = true
		return true
	})
	return s.out, ok && pictures
}
