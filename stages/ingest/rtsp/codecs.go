package rtsp

import (
	"slices"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest/rtp"
)

// carried is a codec in one of the forms in which RTP carries it.
type carried struct {
	name   string   // of its rtpmap, as it is called here
	others []string // names that senders use for that
	codec  media.Codec
	clock  uint32 // of its RTP times where the description says none; 0: there must be one
	// config is what a format of the codec means. The error names what is not supported
	// about it.
	config func(f *saidFormat, of media.Codec) (rtp.Config, error)
}

// carriedCodecs are the codecs that can be recorded. A new one is a row here.
var carriedCodecs = [...]carried{
	{"h264", []string{"h.264", "avc", "avc1"}, codec.H264, videoClock, (*saidFormat).h264},
	{"h265", []string{"hevc", "h.265", "hvc1"}, codec.H265, videoClock, (*saidFormat).h265},
	{"mpeg4-generic", nil, codec.AAC, 0, (*saidFormat).aac},
	{"mp4a-latm", nil, codec.AAC, 0, (*saidFormat).latm},
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

// ownName returns the name here of a codec that senders call otherwise.
func ownName(name string) string {
	for i := range carriedCodecs {
		if c := &carriedCodecs[i]; slices.Contains(c.others, name) {
			return c.name
		}
	}
	return name
}

// recordable tells a person what to set an encoder to.
var recordable = func() string {
	var all []*codec.Codec
	for i := range carriedCodecs {
		if c := codec.Of(carriedCodecs[i].codec); !slices.Contains(all, c) {
			all = append(all, c)
		}
	}
	return codec.Titles("and", all...) + " can be"
}()
