package webrtc

import (
	"fmt"
	"slices"

	pion "github.com/pion/webrtc/v4"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
)

// preferred lists codecs in the order in which they are chosen from an offer. Others follow in the order of the client.
var preferred = []media.Codec{codec.H264, codec.H265, codec.VP9, codec.AV1, codec.Opus}

func rank(c media.Codec) int {
	if i := slices.Index(preferred, c); i >= 0 {
		return i
	}
	return len(preferred)
}

// single reports whether the format puts one NAL unit into one packet only, and would need pictures of small slices: H.264
// without packetization-mode=1 (RFC 6184, 6.2).
func (f *offered) single(c media.Codec) bool {
	return c == codec.H264 && f.parameter("packetization-mode") != "1"
}

// codecParameters are a codec that a session may use.
type codecParameters struct {
	pion.RTPCodecParameters
	kind pion.RTPCodecType
}

// feedback lists the feedback that a receiver of video gives.
var feedback = []pion.RTCPFeedback{{Type: "nack"}, {Type: "nack", Parameter: "pli"}, {Type: "transport-cc"}}

// codecsOf returns the codec of a format of a section, and its retransmissions if the client offers them.
func codecsOf(kind string, f *offered) (all []codecParameters) {
	c := codecParameters{kind: pion.NewRTPCodecType(kind)}
	c.PayloadType = pion.PayloadType(f.PayloadType)
	c.MimeType = kind + "/" + f.codec
	c.ClockRate = f.Clock
	c.Channels = uint16(f.Channels)
	c.SDPFmtpLine = f.parameters
	c.RTCPFeedback = feedback
	if kind == "audio" {
		c.RTCPFeedback = []pion.RTCPFeedback{{Type: "nack"}, {Type: "transport-cc"}}
	}
	all = append(all, c)
	if f.rtx != nil {
		r := codecParameters{kind: c.kind}
		r.PayloadType = pion.PayloadType(*f.rtx)
		r.MimeType = kind + "/rtx"
		r.ClockRate = f.Clock
		r.SDPFmtpLine = fmt.Sprintf("apt=%d", f.PayloadType)
		all = append(all, r)
	}
	return all
}
