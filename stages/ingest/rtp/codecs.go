package rtp

import (
	"slices"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
)

// carried is a codec in one of the forms in which RTP carries it.
type carried struct {
	name   string   // of its rtpmap, as it is called here
	others []string // names that senders use for that
	codec  media.Codec
	clock  uint32 // of its RTP times where the description says none; 0: there must be one
	// config is what a format of the codec means. The error names what is not supported
	// about it.
	config func(f *Format, of media.Codec) (Config, error)
	// payload makes the depacketizer of a codec of NAL units; nil: config has made one
	// (Config.Audio).
	payload func() depacketizer
}

// carriedCodecs are the codecs that can be recorded. A new one is a row here.
var carriedCodecs = [...]carried{
	{"h264", []string{"h.264", "avc", "avc1"}, codec.H264, VideoClock, (*Format).h264, func() depacketizer { return h264Payload{} }},
	{"h265", []string{"hevc", "h.265", "hvc1"}, codec.H265, VideoClock, (*Format).h265, func() depacketizer { return &h265Payload{} }},
	{"mpeg4-generic", nil, codec.AAC, 0, (*Format).aac, nil},
	{"mp4a-latm", nil, codec.AAC, 0, (*Format).latm, nil},
}

// carriedAs returns the row of a name, nil where it is of no codec that can be recorded.
func carriedAs(name string) *carried {
	for i := range carriedCodecs {
		if c := &carriedCodecs[i]; c.name == name {
			return c
		}
	}
	return nil
}

// payloadOf makes the depacketizer of a codec of NAL units, nil where it has none of its own.
func payloadOf(of media.Codec) depacketizer {
	for i := range carriedCodecs {
		if c := &carriedCodecs[i]; c.codec == of && c.payload != nil {
			return c.payload()
		}
	}
	return nil
}

// ownName returns the name here of a codec that senders call otherwise.
func ownName(name string) string {
	for i := range carriedCodecs {
		if c := &carriedCodecs[i]; slices.Contains(c.others, name) {
			return c.name
		}
	}
	return name
}

// Recordable tells a person what to set an encoder to.
var Recordable = func() string {
	var all []*codec.Codec
	for i := range carriedCodecs {
		if c := codec.Of(carriedCodecs[i].codec); !slices.Contains(all, c) {
			all = append(all, c)
		}
	}
	return codec.Titles("and", all...) + " can be"
}()
