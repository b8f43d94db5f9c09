package codec

import "github.com/gospool/spool/pipeline/media"

// standalone265 holds the memory for the picture that its method picture returns.
type standalone265 struct{ out []byte }

func newStandalone265(*media.Track) func(au []byte) ([]byte, bool) { return (&standalone265{}).picture }

// picture implements Standalone.Picture. It changes a CRA picture to a BLA picture without leading pictures,
// and copies an IDR or BLA picture unchanged. The slice headers of CRA and BLA pictures are the same (ITU-T
// H.265, 7.3.6.1).
func (s *standalone265) picture(au []byte) ([]byte, bool) {
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
			return false // the picture refers to other pictures
		default:
			return true
		}
		pictures = true
		return true
	})
	return s.out, ok && pictures
}
