package mpegts

import (
	"bytes"
	"errors"

	"github.com/asticode/go-astits"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/codec/nalunit"
	"github.com/gospool/spool/pipeline/media"
)

// startCode precedes each NAL unit (ITU-T H.264 and H.265, annex B).
var startCode = []byte{0, 0, 0, 1}

var errLengths = errors.New("a NAL unit has a wrong length")

// annexB is the form of a codec with NAL units. delimiter is its access unit delimiter; a sample's own ones are left out.
func annexB(t *media.Track, stream astits.StreamType, delimiter []byte) *form {
	syntax := codec.Of(t.Codec).NAL
	return &form{stream: stream, append: func(out, sample []byte, sync bool) ([]byte, error) {
		out = append(append(out, startCode...), delimiter...)
		if sync {
			for _, set := range t.ParameterSets {
				out = append(append(out, startCode...), set...)
			}
		}
		whole := nalunit.Each(sample, func(nal []byte) bool {
			if syntax.Role(nal) != nalunit.RoleIdle && !isOf(t.ParameterSets, nal) {
				out = append(append(out, startCode...), nal...)
			}
			return true
		})
		if !whole {
			return out, errLengths
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
