package rtsptest

import (
	"strconv"
	"strings"
)

// swap returns a Quirk.Describe that replaces the first occurrence of a text. It panics if the session description does
// not contain the text.
func swap(old, by string) func(*Session, string) string {
	return func(_ *Session, sdp string) string {
		if !strings.Contains(sdp, old) {
			panic("rtsptest: no " + old + " in " + sdp)
		}
		return strings.Replace(sdp, old, by, 1)
	}
}

// section returns a Quirk.Describe that inserts lines before the first occurrence of a text, such as m=audio.
func section(before, text string) func(*Session, string) string {
	return swap(before, strings.ReplaceAll(text, "\n", "\r\n")+"\r\n"+before)
}

func init() {
	add(Quirk{Name: "port-out-of-range", Doc: "NVRs that print a port of 32 bits, or -1: nothing is sent there in any case", Describe: func(_ *Session, sdp string) string {
		return strings.NewReplacer("m=video 0 ", "m=video 70000 ", "m=audio 0 ", "m=audio -1 ").Replace(sdp)
	}})
	add(Quirk{Name: "port-count", Doc: "encoders that write the number of ports as well (RFC 8866, 5.14)", Describe: swap("m=video 0 ", "m=video 0/2 ")})
	add(Quirk{Name: "unknown-media", Doc: "ONVIF cameras with a section of events, doorbells with one of their own", Describe: func(s *Session, sdp string) string {
		sdp = section("m=video", "m=vnd.doorbell 0 RTP/AVP 120\na=rtpmap:120 x-button/1000\na=control:trackID=8")(s, sdp)
		return section("m=audio", "m=metadata 0 RTP/AVP 107\na=rtpmap:107 vnd.onvif.metadata/90000\na=control:trackID=9")(s, sdp)
	}})
	add(Quirk{Name: "unknown-profile", Doc: "recorders that name a transport of their own", Describe: section("m=video", "m=application 0 x-udp/tunnel 0 wbt\na=control:trackID=8")})
	add(Quirk{Name: "broken-rtpmap", Doc: "sections of sound in which the rtpmap lacks its codec: pictures are recorded all the same", Describe: swap("a=rtpmap:97 MPEG4-GENERIC/16000/1", "a=rtpmap:97")})
	add(Quirk{Name: "broken-fmtp", Doc: "sections of sound with a config that is no hexadecimal number", Describe: func(_ *Session, sdp string) string {
		at := strings.Index(sdp, "config=")
		return sdp[:at] + "config=%02x%02x" + sdp[at+len("config=")+4:]
	}})
	add(Quirk{Name: "broken-line", Doc: "firmware that prints a message of its own into a section", Describe: section("a=recvonly", "get_audio_cfg: no such device\na")})
	add(Quirk{Name: "broken-attribute", Doc: "cameras with attributes out of their range, in the section of the pictures", Describe: section("a=recvonly", "a=framerate:\na=x-dimensions:,\na=range:npt=-\na=ssrc:\nb=AS\nc=IN IP4\ni=")})
	add(Quirk{Name: "broken-head", Doc: "cameras whose head has an origin without numbers, no name, no time, an address without one", Describe: func(_ *Session, sdp string) string {
		return "v=0\r\no=- IPCamera IN\r\ns=\r\nc=IN\r\nb=AS\r\nu\r\nt=\r\na=control:*\r\na=range:clock=\r\n" + sdp[strings.Index(sdp, "m=video"):]
	}})
	add(Quirk{Name: "no-head", Doc: "small cameras: nothing before the first section", Describe: func(_ *Session, sdp string) string { return sdp[strings.Index(sdp, "m=video"):] }})
	add(Quirk{Name: "lf-lines", Doc: "cameras that end lines with LF alone, of description and answers", Bytes: func(b []byte) []byte {
		return []byte(strings.ReplaceAll(strings.ReplaceAll(string(b), "\r\n", "\n"), "Content-Length", "Content-length"))
	}, Describe: func(_ *Session, sdp string) string { return strings.ReplaceAll(sdp, "\r\n", "\n") }})
	add(Quirk{Name: "no-final-newline", Doc: "descriptions whose last line has no end, and a NUL in its place", Describe: func(_ *Session, sdp string) string {
		return strings.TrimSuffix(sdp, "\r\n") + "\x00"
	}})
	for _, pt := range []string{"35", "72"} {
		add(Quirk{
			Name: "payload-type-" + pt, Doc: "cameras that send H.264 under a payload type of another range: 72 to 76 with a marker look like RTCP",
			Describe: payloadType("96", pt), Wire: inPayloadType(pt),
		})
	}
	add(Quirk{Name: "clock-and-channels", Doc: "cameras that write H264/90000/1", Describe: swap("H264/90000", "H264/90000/1")})
	add(Quirk{Name: "lower-case", Doc: "cameras that spell codecs and parameters in lower case", Describe: func(_ *Session, sdp string) string {
		return strings.NewReplacer("H264/", "h264/", "MPEG4-GENERIC", "mpeg4-generic", "AAC-hbr", "aac-hbr", "IN IP4", "in ip4").Replace(sdp)
	}})
	add(Quirk{Name: "several-formats", Doc: "cameras that list what they could send; the second one is sent", Describe: func(s *Session, sdp string) string {
		sdp = swap("m=video 0 RTP/AVP 96", "m=video 0 RTP/AVP 99 96 98")(s, sdp)
		return section("a=rtpmap:96", "a=rtpmap:99 H265/90000\na=rtpmap:98 JPEG/90000")(s, sdp)
	}})
	add(Quirk{Name: "several-h264", Doc: "cameras that list two profiles of one codec; the second one is sent", Describe: func(s *Session, sdp string) string {
		sdp = swap("m=video 0 RTP/AVP 96", "m=video 0 RTP/AVP 99 96")(s, sdp)
		return section("a=rtpmap:96", "a=rtpmap:99 H264/90000\na=fmtp:99 packetization-mode=0;profile-level-id=42001E")(s, sdp)
	}})
}

// payloadType returns a Quirk.Describe that replaces a payload type.
func payloadType(old, now string) func(*Session, string) string {
	return func(_ *Session, sdp string) string {
		return strings.NewReplacer("RTP/AVP "+old, "RTP/AVP "+now, "rtpmap:"+old, "rtpmap:"+now, "fmtp:"+old, "fmtp:"+now).Replace(sdp)
	}
}

// inPayloadType returns a Quirk.Wire that sends video with another payload type.
func inPayloadType(now string) func(*Session) func([]Packet) []Packet {
	pt, err := strconv.Atoi(now)
	if err != nil {
		panic(err)
	}
	return func(*Session) func([]Packet) []Packet {
		return func(pkts []Packet) []Packet {
			for i := range pkts {
				if pkts[i].Sender.Index == 0 {
					pkts[i].PT = byte(pt)
				}
			}
			return pkts
		}
	}
}
