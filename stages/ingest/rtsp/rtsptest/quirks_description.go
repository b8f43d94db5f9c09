package rtsptest

import "strings"

// replaced returns a Quirk.Describe that replaces all occurrences of some texts: oldnew holds pairs of old and new
// text.
func replaced(oldnew ...string) func(*Session, string) string {
	return func(_ *Session, sdp string) string { return strings.NewReplacer(oldnew...).Replace(sdp) }
}

func init() {
	add(Quirk{Name: "payload-type-0", Doc: "cameras that send H.264 under a payload type that is another codec's", Describe: payloadType("96", "0"), Wire: inPayloadType("0")})
	add(Quirk{Name: "hevc-name", Doc: "cameras that call H.265 HEVC", Clip: H265, Describe: replaced("H265/90000", "HEVC/90000")})
	add(Quirk{Name: "blanks-in-rtpmap", Doc: "cameras that write blanks and tabs anywhere", Describe: replaced("rtpmap:96 H264/90000", "rtpmap: 96\t H264 / 90000 ", "m=video 0 RTP/AVP 96", "m=video  0\tRTP/AVP  96 ", "control:", "control: ")})
	add(Quirk{Name: "no-clock", Doc: "cameras that leave the clock rate out", Describe: replaced("H264/90000", "H264")})
	add(Quirk{Name: "fmtp-first", Doc: "cameras that describe a format before they name it", Describe: func(_ *Session, sdp string) string {
		lines := strings.Split(sdp, "\r\n")
		for i := range lines {
			if strings.HasPrefix(lines[i], "a=rtpmap:") && strings.HasPrefix(lines[i+1], "a=fmtp:") {
				lines[i], lines[i+1] = lines[i+1], lines[i]
			}
		}
		return strings.Join(lines, "\r\n")
	}})
	add(Quirk{Name: "fmtp-of-another", Doc: "recorders that list one payload type of sound and describe another", Describe: replaced("fmtp:97", "fmtp:104")})
	add(Quirk{Name: "rtpmap-of-another", Doc: "cameras that list one payload type and name another, which they send", Describe: replaced("rtpmap:96", "rtpmap:98", "fmtp:96", "fmtp:98"), Wire: inPayloadType("98")})
	add(Quirk{Name: "sound-of-two", Doc: "cameras that list G.711 before the AAC that they send", Describe: replaced("RTP/AVP 97", "RTP/AVP 0 8 97")})
	add(Quirk{Name: "all-sendonly", Doc: "cameras that describe their own side", Describe: replaced("a=recvonly", "a=sendonly")})
	add(Quirk{Name: "back-channel", Doc: "cameras that describe their loudspeaker unasked", Describe: section("m=audio", "m=audio 0 RTP/AVP 0\na=sendonly\na=control:trackID=7")})
	add(Quirk{Name: "cr-lines", Doc: "descriptions whose lines end with CR alone", Describe: replaced("\r\n", "\r")})
	add(Quirk{Name: "byte-order-mark", Doc: "descriptions from a file of another system", Describe: func(_ *Session, sdp string) string { return "\xef\xbb\xbf" + sdp }})
	add(Quirk{Name: "zeros-behind", Doc: "descriptions with the rest of a buffer of zeros", Describe: func(_ *Session, sdp string) string { return sdp + strings.Repeat("\x00", 300) }})
	add(Quirk{Name: "said-twice", Doc: "cameras that describe the section of the pictures twice", Describe: func(_ *Session, sdp string) string {
		at, to := strings.Index(sdp, "m=video"), strings.Index(sdp, "m=audio")
		return sdp[:to] + sdp[at:]
	}})
}
