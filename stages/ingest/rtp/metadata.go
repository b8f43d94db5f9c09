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
	return Config{Clock: clock, Pictures: &plainPayload{begins}, Track: ingest.TrackConfig{Codec: of, Timescale: clock}}
}
