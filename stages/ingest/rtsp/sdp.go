package rtsp

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/gospool/spool/stages/ingest/rtp"
	"github.com/gospool/spool/stages/ingest/rtsp/client"
)

// The bounds of a session description. Encoders and cameras stay far below them. Reading ends with an error at the
// first exceeded bound.
const (
	maxSections   = 32
	maxFormats    = 32  // in a section; an m= line may not name more payload types, repetitions included
	maxAllFormats = 128 // in all sections
)

// bounds are the limits of readText.
type bounds struct {
	bytes      int // length of the description
	attributes int // number of a= lines
}

var (
	outsideBounds   = bounds{16 << 10, 256}                                 // for descriptions of peers
	canonicalBounds = bounds{32 << 10, 1 + 3*maxSections + 2*maxAllFormats} // for the canonical form
)

// sessionText holds the parts of a session description (RFC 8866) that spool uses, in the order of the text.
type sessionText struct {
	control       string    // control attribute of the session
	direction     direction // default for the sections
	sections      []section
	formats       []rtp.Format // of all sections, one section after the other
	attributes    int          // number of a= lines
	maxAttributes int
}

// section is a media section: an m= line and the lines that follow it.
type section struct {
	kind      string // "video", "audio" or any other text
	control   string
	direction direction
	secure    bool   // its media is encrypted (SRTP)
	crypto    string // value of the crypto attribute with a usable key; empty: none
	from, to  int    // its formats: sessionText.formats[from:to]
	listed    int    // number of formats in the m= line; the others occur in attributes only
	size      string // of the pictures in pixels, as in 2592,1944; empty: not given
}

// direction is a direction attribute as written (RFC 8866, 6.7). Its point of view depends on the author: see
// sorting.
type direction uint8

const (
	unsaid direction = iota
	sendrecv
	sendonly
	recvonly
	inactive
)

var directions = [...]string{sendrecv: "sendrecv", sendonly: "sendonly", recvonly: "recvonly", inactive: "inactive"}

// readText reads a session description in one pass, within b. It is more lenient than ffmpeg: it skips each line that
// it cannot read, and keeps the others. A line ends at CR, LF, CR LF or NUL. It returns an error for an exceeded bound,
// which names the line, and for a description without a media section.
func readText(body []byte, b bounds) (*sessionText, error) {
	if len(body) > b.bytes {
		return nil, fmt.Errorf("session description of %d bytes: %d is the most that is read", len(body), b.bytes)
	}
	text := string(bytes.TrimPrefix(body, byteOrderMark))
	s := sessionText{maxAttributes: b.attributes}
	for number := 1; text != ""; number++ {
		var line string
		if end := strings.IndexAny(text, "\r\n\x00"); end < 0 {
			line, text = text, ""
		} else {
			if strings.HasPrefix(text[end:], "\r\n") {
				line, text = text[:end], text[end+2:]
			} else {
				line, text = text[:end], text[end+1:]
			}
		}
		if line = trim(line); len(line) < 2 || line[1] != '=' {
			continue
		}
		if err := s.line(line[0], trim(line[2:])); err != nil {
			return nil, fmt.Errorf("session description, line %d: %w", number, err)
		}
	}
	if len(s.sections) == 0 {
		return nil, errors.New("session description without a media section (m=)")
	}
	if err := s.finish(); err != nil {
		return nil, err
	}
	return &s, nil
}

var byteOrderMark = []byte("\xef\xbb\xbf")

func trim(s string) string { return strings.Trim(s, " \t") }

func (s *sessionText) line(key byte, value string) error {
	switch key {
	case 'm':
		return s.media(value)
	case 'a':
		if s.attributes++; s.attributes > s.maxAttributes {
			return fmt.Errorf("more than %d attributes (a=)", s.maxAttributes)
		}
		return s.attribute(value)
	}
	return nil
}

// media begins a section at an m= line. It ignores the port, because SETUP determines the transport.
func (s *sessionText) media(value string) error {
	if err := s.finish(); err != nil {
		return err
	}
	if len(s.sections) == maxSections {
		return fmt.Errorf("more than %d media sections (m=)", maxSections)
	}
	kind, rest := word(value)
	next := section{kind: strings.ToLower(kind), direction: s.direction, from: len(s.formats), to: len(s.formats)}
	s.sections = append(s.sections, next)
	m := &s.sections[len(s.sections)-1]
	port, after := word(rest)
	proto, list := word(after)
	if isProto(port) { // the line has no port
		proto, list = port, after
	}
	m.secure = strings.Contains(strings.ToUpper(proto), "SAVP")
	for mentions := 1; list != ""; mentions++ {
		if mentions > maxFormats {
			return fmt.Errorf("more than %d formats in a media section", maxFormats)
		}
		var number string
		number, list = word(list)
		if pt, rest, ok := rtp.ReadPayloadType(number); ok && rest == "" {
			if _, err := s.format(pt); err != nil {
				return err
			}
		}
	}
	m.listed = m.to - m.from
	return nil
}

// word returns the first word of a text, which ends at a space or tab, and the rest of the text, both without
// surrounding blanks. rest is empty if the text has one word only.
func word(text string) (first, rest string) {
	text = trim(text)
	if end := strings.IndexAny(text, " \t"); end >= 0 {
		return text[:end], trim(text[end:])
	}
	return text, ""
}

func isProto(word string) bool { return strings.Contains(strings.ToUpper(word), "/AVP") }

// format returns the format of a payload type in the current section, and adds the format if the section does not have
// it. It returns an error if that would exceed maxFormats or maxAllFormats.
func (s *sessionText) format(pt uint8) (*rtp.Format, error) {
	m := &s.sections[len(s.sections)-1]
	for i := m.from; i < m.to; i++ {
		if s.formats[i].PayloadType == pt {
			return &s.formats[i], nil
		}
	}
	switch {
	case m.to-m.from == maxFormats:
		return nil, fmt.Errorf("more than %d formats in a media section", maxFormats)
	case len(s.formats) == maxAllFormats:
		return nil, fmt.Errorf("more than %d formats", maxAllFormats)
	}
	s.formats = append(s.formats, rtp.Format{PayloadType: pt})
	m.to = len(s.formats)
	return &s.formats[m.to-1], nil
}

// attribute reads an a= line. Before the first section it ignores the attributes that describe codecs and keys.
func (s *sessionText) attribute(value string) error {
	key, value, _ := strings.Cut(value, ":")
	key, value = strings.ToLower(trim(key)), trim(value)
	control, flows := &s.control, &s.direction
	if n := len(s.sections); n > 0 {
		control, flows = &s.sections[n-1].control, &s.sections[n-1].direction
	}
	switch key = strings.TrimPrefix(key, "x-"); key {
	case "control":
		if *control == "" {
			*control = value
		}
	case "sendrecv", "sendonly", "recvonly", "inactive":
		for d, name := range directions {
			if name == key {
				*flows = direction(d)
			}
		}
	case "crypto", "key-mgmt": // RFC 4568, RFC 4567
		if n := len(s.sections); n > 0 {
			m := &s.sections[n-1]
			if m.secure = true; key == "crypto" && m.crypto == "" && client.CanDecrypt(value) {
				m.crypto = value
			}
		}
	case "dimensions", "framesize": // a=x-dimensions:W,H of QuickTime; 3GPP TS 26.234, 5.3.3.2
		if n := len(s.sections); n > 0 {
			_, size := word(value)
			s.sections[n-1].size = strings.Replace(cmp.Or(size, value), "-", ",", 1)
		}
	case "rtpmap", "fmtp":
		if len(s.sections) > 0 {
			return s.codec(key, value)
		}
	}
	return nil
}

// codec reads an rtpmap or fmtp attribute (RFC 8866, 6.6 and 6.15) of the current section. An attribute without a
// payload type describes the format of a section that has only one; otherwise codec ignores it.
func (s *sessionText) codec(key, value string) error {
	m := s.sections[len(s.sections)-1]
	pt, rest, ok := rtp.ReadPayloadType(value)
	switch {
	case !ok && m.to-m.from == 1 && (value == "" || value[0] < '0' || value[0] > '9'):
		pt = s.formats[m.from].PayloadType
	case !ok:
		return nil
	}
	f, err := s.format(pt)
	switch {
	case err != nil:
		return err
	case key == "rtpmap":
		f.ReadMap(rest)
	default:
		f.ReadParameters(rest)
	}
	return nil
}

// finish completes the last section after its last line. It assigns the attributes of unlisted payload types (see
// adopt), adds a format to a section that has none, and completes each format (see rtp.Format.Complete).
func (s *sessionText) finish() error {
	if len(s.sections) == 0 {
		return nil
	}
	m := &s.sections[len(s.sections)-1]
	s.adopt(m)
	if m.from == m.to { // gortsplib requires a format in each section
		if _, err := s.format(96); err != nil {
			return err
		}
	}
	for i := range s.formats[m.from:m.to] {
		s.formats[m.from+i].Complete(m.kind)
		s.formats[m.from+i].SetSize(m.size)
	}
	return nil
}

// adopt handles attributes of payload types that the m= line of section m does not list: some senders list payload type
// 97 and describe 104. It moves the attributes to the format that the sender must mean. An unlisted format that has a
// codec name also stays in the section, since the sender may send either payload type.
func (s *sessionText) adopt(m *section) {
	all := s.formats[m.from:m.to]
	listed, strays := all[:m.listed], all[m.listed:]
	for i := range strays {
		if strays[i].Name != "" {
			if len(listed) > 0 && !named(listed) {
				listed[0].Name, listed[0].Clock, listed[0].Channels = strays[i].Name, strays[i].Clock, strays[i].Channels
				listed[0].Take(&strays[i])
			}
			continue
		}
		for j := range all { // the format has parameters and no name
			if f := &all[j]; f.Name != "" && !f.Said {
				f.Take(&strays[i])
				break
			}
		}
	}
	n := m.from + m.listed
	for _, f := range strays {
		if f.Name != "" {
			s.formats[n] = f
			n++
		}
	}
	s.formats = s.formats[:n]
	m.to = n
}

func named(list []rtp.Format) bool {
	for i := range list {
		if list[i].Name != "" || rtp.StaticName(list[i].PayloadType) != "" {
			return true
		}
	}
	return false
}
