package rtp

import (
	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/codec/mpeg4visual"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest"
)

// mpeg4 makes the Config of MPEG-4 part 2 (RFC 6416, 7.1). Headers in the description that cannot be read are left out:
// the stream may have them, too.
func (f *Format) mpeg4(of media.Codec) (Config, error) {
	c := f.pictures(of, mpeg4Payload{})
	sets := [][]byte{hexDigits(f.value(aacConfig))}
	if _, err := codec.Describe(of, VideoClockHz, sets); err == nil {
		c.Track.ParameterSets = sets
	}
	return c, nil
}

// mpeg4Payload implements RFC 6416, 5: a payload is a part of the stream, and the packets of a VOP have one time.
type mpeg4Payload struct{}

func (mpeg4Payload) unpack(u *ingest.Unit, p []byte) error {
	if !u.Open() {
		if !mpeg4visual.Begins(p) {
			return errFragment
		}
		u.Begin()
	}
	u.Add(p...)
	return nil
}

func (mpeg4Payload) end(u *ingest.Unit) {
	if u.Open() {
		u.End()
	}
}

func (mpeg4Payload) joins(p []byte) bool { return !mpeg4visual.Begins(p) }
