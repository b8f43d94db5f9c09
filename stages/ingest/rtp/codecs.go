package rtp

import (
	"cmp"
	"slices"
	"strings"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
)

// carried is one form in which RTP carries a codec.
type carried struct {
	name   string   // name in rtpmap, in lower case
	others []string // other names that senders use
	codec  media.Codec
	title  string // name of the codec for users if it is recorded as another codec; else empty
	clock  uint32 // rate of the RTP times if the description has none; 0: the description must have one
	// config makes the Config of a format. Its error names the unsupported part.
	config func(f *Format, of media.Codec) (Config, error)
	// payload makes the depacketizer of a codec with NAL units. It is nil for other codecs: their depacketizer is in
	// the Config that config makes.
	payload func() depacketizer
}

// carriedCodecs lists the codecs that can be recorded. A new codec is a new row.
var carriedCodecs = [...]carried{
	{"h264", []string{"h.264", "avc", "avc1"}, codec.H264, "", VideoClockHz, (*Format).h264, func() depacketizer { return h264Payload{} }},
	{"h265", []string{"hevc", "h.265", "hvc1"}, codec.H265, "", VideoClockHz, (*Format).h265, func() depacketizer { return &h265Payload{} }},
	{"vp9", nil, codec.VP9, "", VideoClockHz, (*Format).vp9, nil},
	{"av1", []string{"av1x"}, codec.AV1, "", VideoClockHz, (*Format).av1, nil},
	{"mp4v-es", nil, codec.MPEG4, "", VideoClockHz, (*Format).mpeg4, nil},
	{"jpeg", []string{"mjpeg"}, codec.MJPEG, "", VideoClockHz, (*Format).jpeg, nil},
	{"mpeg4-generic", nil, codec.AAC, "", 0, (*Format).mpeg4Generic, nil},
	{"mp4a-latm", nil, codec.AAC, "", 0, (*Format).latm, nil},
	{"opus", nil, codec.Opus, "", codec.OpusRate, (*Format).opus, nil},
	{"multiopus", nil, codec.Opus, "", codec.OpusRate, (*Format).multiopus, nil},
	{"mpa", []string{"mp3", "mpeg"}, codec.MP3, "", mp3ClockHz, (*Format).mpa, nil},
	{"ac3", nil, codec.AC3, "", 0, (*Format).ac3, nil},
	{"eac3", nil, codec.EAC3, "", 0, (*Format).eac3, nil},
	{"pcmu", []string{"g711u", "mulaw"}, codec.LPCM, "G.711", 8000, (*Format).pcmu, nil},
	{"pcma", []string{"g711a", "alaw"}, codec.LPCM, "G.711", 8000, (*Format).pcma, nil},
	{"g722", nil, codec.LPCM, "G.722", adpcmClockHz, (*Format).g722, nil},
	{"g726-16", nil, codec.LPCM, "G.726", adpcmClockHz, g726Codes(2, true), nil},
	{"g726-24", nil, codec.LPCM, "G.726", adpcmClockHz, g726Codes(3, true), nil},
	{"g726-32", []string{"g721", "g726"}, codec.LPCM, "G.726", adpcmClockHz, g726Codes(4, true), nil},
	{"g726-40", nil, codec.LPCM, "G.726", adpcmClockHz, g726Codes(5, true), nil},
	{"aal2-g726-16", nil, codec.LPCM, "G.726", adpcmClockHz, g726Codes(2, false), nil},
	{"aal2-g726-24", nil, codec.LPCM, "G.726", adpcmClockHz, g726Codes(3, false), nil},
	{"aal2-g726-32", nil, codec.LPCM, "G.726", adpcmClockHz, g726Codes(4, false), nil},
	{"aal2-g726-40", nil, codec.LPCM, "G.726", adpcmClockHz, g726Codes(5, false), nil},
	{"l16", nil, codec.LPCM, "", 44100, (*Format).l16, nil},
	{"l24", nil, codec.LPCM, "", 0, (*Format).l24, nil},
	{"vnd.onvif.metadata", nil, codec.ONVIF, "", VideoClockHz, (*Format).onvif, nil},
	{"smpte336m", nil, codec.KLV, "", VideoClockHz, (*Format).klv, nil},
}

// OfKind reports whether a media section of a session description, whose kind is that of its m= line, may carry the
// codec of the format. Senders describe metadata as application (RFC 6597; ONVIF Streaming Specification, 5.1.2) or as
// any other kind.
func (f *Format) OfKind(kind string) bool {
	c := carriedAs(f.Name)
	return kind == "video" || kind == "audio" || c != nil && c.codec.Kind() == media.Metadata
}

// keptCodecs holds the codecs that record G.711 as it is sent, by name in rtpmap: see Options.
var keptCodecs = map[string]media.Codec{"pcmu": codec.MuLaw, "pcma": codec.ALaw}

// usacCodec records a format mpeg4-generic whose configuration is that of xHE-AAC.
var usacCodec = codec.USAC

// carriedAs returns the entry of carriedCodecs for a name in rtpmap, or nil if the codec cannot be recorded.
func carriedAs(name string) *carried {
	for i := range carriedCodecs {
		if c := &carriedCodecs[i]; c.name == name {
			return c
		}
	}
	return nil
}

// payloadOf returns a depacketizer of a codec with NAL units, and nil for other codecs.
func payloadOf(of media.Codec) depacketizer {
	for i := range carriedCodecs {
		if c := &carriedCodecs[i]; c.codec == of && c.payload != nil {
			return c.payload()
		}
	}
	return nil
}

// ownName returns the canonical name of a codec for any of its names, and an unknown name unchanged.
func ownName(name string) string {
	for i := range carriedCodecs {
		if c := &carriedCodecs[i]; slices.Contains(c.others, name) {
			return c.name
		}
	}
	return name
}

// Recordable is the end of a sentence for users. It lists the codecs to which they may set an encoder: "H.264, ... and
// AAC can be".
var Recordable = func() string {
	var titles []string
	for _, c := range carriedCodecs {
		title := cmp.Or(c.title, codec.Of(c.codec).Title)
		if !slices.Contains(titles, title) {
			titles = append(titles, title)
		}
	}
	last := len(titles) - 1
	return strings.Join(titles[:last], ", ") + " and " + titles[last] + " can be"
}()
