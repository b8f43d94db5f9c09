package webrtc

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"

	"github.com/gospool/spool/stages/ingest/rtp"
)

// The bounds of an offer. Browsers describe some forty formats in a section, and few sections.
const (
	maxSections = 16
	maxFormats  = 128 // of a section
)

// offer is the session description of a client (RFC 8829), as far as the server decides by it; or that of a server, of a pull.
type offer struct {
	text     string
	lite     bool // the client is an ICE-lite agent (RFC 8445, 2.5)
	sections []section
}

// section is a media section of an offer.
type section struct {
	mid       string
	kind      string // video or audio
	direction string // of the client: sendrecv, sendonly, recvonly or inactive
	named     bool   // the source of the packets is named: SSRC
	rejected  bool   // the section is not used: its port is 0
	simulcast bool   // the client offers several sizes of one picture (RFC 8853)
	formats   []offered
}

// offered is a format of a section.
type offered struct {
	rtp.Format
	codec      string // name of the codec as the client writes it
	parameters string // value of the attribute fmtp
	rtx        *uint8 // payload type of its retransmissions; nil: the client has none
}

// readOffer reads the offer of a client. Its error says what is wrong with it.
func readOffer(text string) (*offer, error) {
	o, err := readDescription("offer", text)
	if err == nil && o.lite { // of two lite agents none checks the addresses of the other
		return nil, errors.New("the offer is of an ICE-lite agent: only full agents can connect")
	}
	return o, err
}

// readDescription reads an offer or an answer, as its name says. Its error says what is wrong with it.
func readDescription(name, text string) (*offer, error) {
	var d sdp.SessionDescription
	if err := d.UnmarshalString(text); err != nil {
		return nil, fmt.Errorf("the %s is no session description: %w", name, err)
	}
	if len(d.MediaDescriptions) > maxSections {
		return nil, fmt.Errorf("the %s has %d sections, at most %d are taken", name, len(d.MediaDescriptions), maxSections)
	}
	o := &offer{text: text}
	for _, a := range d.Attributes {
		o.lite = o.lite || strings.TrimSpace(a.Key) == "ice-lite"
	}
	for _, m := range d.MediaDescriptions {
		kind := m.MediaName.Media
		if kind != "video" && kind != "audio" {
			return nil, fmt.Errorf("the %s has a section of %.32q: only audio and video are taken", name, kind)
		}
		if len(m.MediaName.Formats) > maxFormats {
			return nil, fmt.Errorf("a section of the %s has %d formats, at most %d are taken", name, len(m.MediaName.Formats), maxFormats)
		}
		o.sections = append(o.sections, readSection(&d, m))
	}
	if len(o.sections) == 0 {
		return nil, fmt.Errorf("the %s has no section of audio or video", name)
	}
	return o, nil
}

func readSection(d *sdp.SessionDescription, m *sdp.MediaDescription) section {
	s := section{kind: m.MediaName.Media, direction: "sendrecv", rejected: m.MediaName.Port.Value == 0}
	for _, attributes := range [...][]sdp.Attribute{d.Attributes, m.Attributes} { // those of the section come last
		for _, a := range attributes {
			switch a.Key {
			case "mid":
				s.mid = a.Value
			case "sendrecv", "sendonly", "recvonly", "inactive":
				s.direction = a.Key
			case "ssrc":
				s.named = true
			case "simulcast":
				s.simulcast = true
			}
		}
	}
	for _, text := range m.MediaName.Formats {
		if pt, rest, ok := rtp.ReadPayloadType(text); ok && rest == "" {
			s.formats = append(s.formats, readFormat(m, pt))
		}
	}
	s.pairRetransmissions()
	return s
}

func readFormat(m *sdp.MediaDescription, pt uint8) offered {
	f := offered{Format: rtp.Format{PayloadType: pt}}
	for _, a := range m.Attributes {
		said, rest, ok := rtp.ReadPayloadType(a.Value)
		switch {
		case !ok || said != pt:
		case a.Key == "rtpmap":
			f.ReadMap(rest)
			f.codec, _, _ = strings.Cut(rest, "/")
		case a.Key == "fmtp":
			f.ReadParameters(rest)
			f.parameters = rest
		}
	}
	f.Complete(m.MediaName.Media)
	if f.codec == "" {
		f.codec = strings.ToUpper(f.Name)
	}
	return f
}

// pairRetransmissions gives each format the payload type of its retransmissions (RFC 4588, 8.1).
func (s *section) pairRetransmissions() {
	for i := range s.formats {
		r := &s.formats[i]
		apt, is := strings.CutPrefix(r.parameters, "apt=")
		if r.Name != "rtx" || !is {
			continue
		}
		apt, _, _ = strings.Cut(apt, ";")
		of, err := strconv.ParseUint(apt, 10, 7)
		for j := range s.formats {
			if f := &s.formats[j]; err == nil && f.PayloadType == uint8(of) && f.Name != "rtx" {
				f.rtx = &r.PayloadType
			}
		}
	}
}

// sends and receives report whether the client sends or receives the section.
func (s *section) sends() bool    { return s.direction == "sendonly" || s.direction == "sendrecv" }
func (s *section) receives() bool { return s.direction == "recvonly" || s.direction == "sendrecv" }

// parameter returns the value of a parameter of the attribute fmtp, or "".
func (f *offered) parameter(name string) string {
	for item := range strings.SplitSeq(f.parameters, ";") {
		key, value, _ := strings.Cut(strings.TrimSpace(item), "=")
		if strings.EqualFold(key, name) {
			return value
		}
	}
	return ""
}
