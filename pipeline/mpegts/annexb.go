package mpegts

import (
	"bytes"
	"encoding/binary"
	"errors"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/codec/nalunit"
	"github.com/gospool/spool/pipeline/media"
)

// startCode precedes each NAL unit (ITU-T H.264 and H.265, annex B).
var startCode = []byte{0, 0, 0, 1}

var errLengths = errors.New("a NAL unit has a wrong length")

// annexB is the form of a codec with NAL units. delimiter is its access unit delimiter; a unit's own ones are left out,
// as are the parameter sets of the track within a unit, because a key frame has them before it.
func annexB(t *media.Track, streamType byte, delimiter []byte) *Form {
	syntax, sets := codec.Of(t.Codec).NAL, t.ParameterSets
	lead := append(bytes.Clone(startCode), delimiter...)
	return &Form{streamType: streamType, append: func(out, unit []byte, sync bool) ([]byte, error) {
		out = append(out, lead...)
		if sync {
			for _, set := range sets {
				out = append(append(out, startCode...), set...)
			}
		}
		for len(unit) > 0 {
			if len(unit) < 4 {
				return out, errLengths
			}
			n := binary.BigEndian.Uint32(unit)
			if unit = unit[4:]; n == 0 || uint64(n) > uint64(len(unit)) {
				return out, errLengths
			}
			nal := unit[:n]
			if syntax.Role(nal) != nalunit.RoleIdle && !isOf(sets, nal) {
				out = append(append(out, startCode...), nal...)
			}
			unit = unit[n:]
		}
		return out, nil
	}}
}

func isOf(sets [][]byte, nal []byte) bool {
	for _, set := range sets {
		if bytes.Equal(set, nal) {
			return true
		}
	}
	return false
}
