package rtp

import (
	"cmp"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest"
)

// onvif makes the Config of ONVIF metadata (ONVIF Streaming Specification, 5.1.2): XML documents.
func (f *Format) onvif(of media.Codec) (Config, error) { return f.metadata(of, codec.BeginsXML), nil }

// klv makes the Config of KLV (RFC 6597): groups of items with the same time.
func (f *Format) klv(of media.Codec) (Config, error) { return f.metadata(of, codec.BeginsKLV), nil }

func (f *Format) metadata(of media.Codec, begins func([]byte) bool) Config {
	clock := cmp.Or(f.Clock, VideoClockHz)
	return Config{Clock: clock, Pictures: &metadataPayload{begins}, Track: ingest.TrackConfig{Codec: of, Timescale: clock}}
}

// metadataPayload joins the parts of an access unit of metadata, whose packets have the same RTP time. The last one has
// the marker bit.
type metadataPayload struct {
	begins func(data []byte) bool // reports whether an access unit begins with the data
}

func (m *metadataPayload) unpack(u *ingest.Unit, p []byte) error {
	if !u.Open() {
		if !m.begins(p) { // the packets before were lost
			return errFragment
		}
		u.Begin()
	}
	u.Add(p...)
	return nil
}

func (m *metadataPayload) end(u *ingest.Unit) {
	if u.Open() {
		u.End()
	}
}

func (m *metadataPayload) joins(p []byte) bool { return !m.begins(p) }
