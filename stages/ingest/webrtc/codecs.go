package webrtc

import (
	"fmt"
	"slices"

	pion "github.com/pion/webrtc/v4"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest/rtp"
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

// requested lists what a pull offers to receive, in the order of preference. A server answers with what it has of them; H.264
// has a format for each profile, because some servers compare it.
var requested = []struct {
	kind, codec, parameters string
	payloadType             uint8
	clock                   uint32
	channels                uint16
}{
	{"video", "H264", "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=640032", 96, 90_000, 0},
	{"video", "H264", "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=4d0032", 97, 90_000, 0},
	{"video", "H264", "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e032", 98, 90_000, 0},
	{"video", "H264", "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=420032", 99, 90_000, 0},
	{"video", "H265", "level-id=180;profile-id=1;tier-flag=0;tx-mode=SRST", 100, 90_000, 0},
	{"video", "H265", "level-id=180;profile-id=2;tier-flag=0;tx-mode=SRST", 101, 90_000, 0},
	{"video", "VP9", "profile-id=0", 102, 90_000, 0},
	{"video", "VP9", "profile-id=2", 103, 90_000, 0},
	{"video", "AV1", "", 104, 90_000, 0},
	{"audio", "opus", "minptime=10;stereo=1;useinbandfec=1", 111, 48_000, 2},
	{"audio", "G722", "", 9, 8000, 0},
	{"audio", "PCMU", "", 0, 8000, 0},
	{"audio", "PCMA", "", 8, 8000, 0},
}

// requestedCodecs returns the codecs of requested.
func requestedCodecs() (all []codecParameters) {
	for _, r := range requested {
		f := offered{Format: rtp.Format{PayloadType: r.payloadType, Clock: r.clock, Channels: uint32(r.channels)}, codec: r.codec, parameters: r.parameters}
		all = append(all, codecsOf(r.kind, &f)...)
	}
	return all
}
