package rtsp

import (
	"bytes"
	"cmp"
	"strconv"
	"strings"

	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/sdpunmarshaler"

	"github.com/gospool/spool/stages/ingest/rtp"
)

// readable rewrites a session description into a form that gortsplib accepts. gortsplib refuses a whole description for
// one track that it cannot read. The result has the same media sections in the same order, with the same control
// addresses, and no attributes except these:
//
//	v=0
//	o=- 0 0 IN IP4 127.0.0.1
//	s=-
//	t=0 0
//	a=control:rtsp://camera/live         if the session has a URL as control attribute
//	m=video 0 RTP/AVP 96 97              or audio, or application; SAVP if encrypted
//	a=control:track1
//	a=x-recvonly                         or another direction
//	a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:...    if it has a usable key
//	a=rtpmap:96 x-h264/90000
//	a=fmtp:96 packetization-mode=0;sprop-parameter-sets=Z0IAH5Wo,aM48gA==
//	a=rtpmap:97 x-vorbis/48000/2
//
// The prefix x- hides codecs from gortsplib: its parsers of codec parameters refuse the whole description for one
// unexpected parameter. The prefix also hides directions, because gortsplib refuses an ANNOUNCE with a=sendonly.
//
// readText reads the same sections and formats from the result as from the original. The result is longer than the
// original by a few lines a section and format at most. An error names the exceeded bound of outsideBounds and the
// line, or reports that the description has no media section.
func readable(sdp []byte) ([]byte, error) {
	s, err := readText(sdp, outsideBounds)
	if err != nil {
		return nil, err
	}
	return s.canonical(), nil
}

// readDescription parses a session description in canonical form, as readable returns it, with gortsplib.
func readDescription(sdp []byte) (*description.Session, error) {
	var d description.Session
	ssd, err := sdpunmarshaler.Unmarshal(sdp)
	if err == nil {
		err = d.Unmarshal2(ssd)
	}
	return &d, err
}

const canonicalHead = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"

func (s *sessionText) canonical() []byte {
	out := make([]byte, 0, 1024)
	out = append(out, canonicalHead...)
	if u, err := base.ParseURL(s.control); err == nil && u.Host != "" {
		out = line(out, "a=control:", s.control)
	}
	for i := range s.sections {
		out = s.canonicalSection(out, &s.sections[i])
	}
	return out
}

func (s *sessionText) canonicalSection(out []byte, m *section) []byte {
	kind, proto := m.kind, " 0 RTP/AVP"
	if kind != "video" && kind != "audio" {
		kind = "application"
	}
	if m.secure {
		proto = " 0 RTP/SAVP"
	}
	out = append(append(append(out, "m="...), kind...), proto...)
	formats := s.formats[m.from:m.to]
	for i := range formats {
		out = strconv.AppendUint(append(out, ' '), uint64(formats[i].PayloadType), 10)
	}
	out = append(out, "\r\n"...)
	if m.control != "" {
		out = line(out, "a=control:", m.control)
	}
	if m.direction != unsaid {
		out = line(out, "a=x-", directions[m.direction])
	}
	if m.crypto != "" {
		out = line(out, "a=crypto:", m.crypto)
	}
	for i := range formats {
		out = canonicalFormat(out, &formats[i])
	}
	return out
}

func canonicalFormat(out []byte, f *rtp.Format) []byte {
	pt := strconv.Itoa(int(f.PayloadType))
	rtpmap := []string{"a=rtpmap:", pt, " x-", f.Name, "", "", "", ""}
	if clock := f.Clock; clock > 0 || f.Name == "" { // gortsplib requires a clock rate where the codec has no name
		rtpmap[4], rtpmap[5] = "/", strconv.FormatUint(uint64(cmp.Or(clock, rtp.VideoClockHz)), 10)
	}
	if f.Clock > 0 && f.Channels > 0 {
		rtpmap[6], rtpmap[7] = "/", strconv.FormatUint(uint64(f.Channels), 10)
	}
	out = line(out, rtpmap...)
	if !f.Recordable() || !f.Said {
		return out
	}
	out = append(append(append(out, "a=fmtp:"...), pt...), ' ')
	return append(f.AppendParameters(out), "\r\n"...)
}

func line(out []byte, parts ...string) []byte {
	for _, part := range parts {
		out = append(out, part...)
	}
	return append(out, "\r\n"...)
}

// isDescription reports whether the body of a request is a session description: its Content-Type contains sdp, in upper
// or lower case, or its first line has the form of SDP. Some encoders and cameras send text/plain, or no Content-Type.
func isDescription(header base.Header, body []byte) bool {
	for _, kind := range header["Content-Type"] {
		if strings.Contains(strings.ToLower(kind), "sdp") {
			return true
		}
	}
	body = bytes.TrimLeft(bytes.TrimPrefix(body, byteOrderMark), " \t\r\n\x00")
	return len(body) > 2 && body[1] == '=' && bytes.IndexByte([]byte("vosticbam"), body[0]) >= 0
}
