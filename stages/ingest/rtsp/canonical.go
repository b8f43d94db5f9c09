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

// readable rewrites a session description into a form that gortsplib reads: in the original, one unreadable track
// makes it refuse all tracks. The number of sections and their control addresses stay; unused attributes are removed.
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
// The x- keeps away gortsplib's parsers of parameters, which refuse the whole session for one unexpected parameter;
// the same holds for directions (sendonly).
//
// The result reads like the original, and is longer only by the lines that each section and format needs. The error
// names the bound that was exceeded (see outsideBounds), with the line.
func readable(sdp []byte) ([]byte, error) {
	s, err := readText(sdp, outsideBounds)
	if err != nil {
		return nil, err
	}
	return s.canonical(), nil
}

// readDescription parses the result of readable with gortsplib.
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
	if clock := f.Clock; clock > 0 || f.Name == "" { // gortsplib requires a clock without a name
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

// isDescription reports whether a body is a session description, by its Content-Type in any spelling or by its first
// lines. Some encoders and cameras send text/plain, or no Content-Type at all.
func isDescription(header base.Header, body []byte) bool {
	for _, kind := range header["Content-Type"] {
		if strings.Contains(strings.ToLower(kind), "sdp") {
			return true
		}
	}
	body = bytes.TrimLeft(bytes.TrimPrefix(body, byteOrderMark), " \t\r\n\x00")
	return len(body) > 2 && body[1] == '=' && bytes.IndexByte([]byte("vosticbam"), body[0]) >= 0
}
