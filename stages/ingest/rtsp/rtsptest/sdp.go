package rtsptest

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
)

// Describe returns the session description of a clip as a good camera writes it.
func Describe(c *Clip) string { return (&Session{quirk: quirks["good"], clip: c}).description() }

// description returns the session description of the clip, as the quirk changes it.
func (s *Session) description() string {
	lines := []string{
		"v=0", "o=- 1109162014219182 1 IN IP4 127.0.0.1", "s=Media Presentation", "e=NONE", "c=IN IP4 0.0.0.0", "t=0 0",
		"a=control:*", "a=range:npt=0.000-",
	}
	for i := range s.clip.Tracks {
		lines = append(lines, s.section(i, &s.clip.Tracks[i])...)
	}
	sdp := strings.Join(lines, "\r\n") + "\r\n"
	if s.quirk.Describe != nil {
		return s.quirk.Describe(s, sdp)
	}
	return sdp
}

func (s *Session) section(i int, t *Track) (lines []string) {
	switch t.Codec {
	case H264:
		lines = []string{
			"m=video 0 RTP/AVP 96", "b=AS:500", "a=rtpmap:96 H264/90000",
			fmt.Sprintf("a=fmtp:96 packetization-mode=%s;profile-level-id=%X;sprop-parameter-sets=%s,%s", s.quirk.Mode, t.Sets[0][1:4], b64(t.Sets[0]), b64(t.Sets[1])),
		}
	case H265:
		lines = []string{
			"m=video 0 RTP/AVP 96", "b=AS:500", "a=rtpmap:96 H265/90000",
			fmt.Sprintf("a=fmtp:96 sprop-vps=%s;sprop-sps=%s;sprop-pps=%s", b64(t.Sets[0]), b64(t.Sets[1]), b64(t.Sets[2])),
		}
	case AAC:
		lines = []string{
			"m=audio 0 RTP/AVP 97", "b=AS:32", fmt.Sprintf("a=rtpmap:97 MPEG4-GENERIC/%d/1", t.ClockHz),
			"a=fmtp:97 streamtype=5;profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config=" + hex.EncodeToString(t.Sets[0]),
		}
	}
	return append(lines, "a=recvonly", fmt.Sprintf("a=control:trackID=%d", i))
}

func b64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }
