package rtsp

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"

	"github.com/gospool/spool/stages/ingest/rtp"
)

// offer is a media section that can be recorded. format is its first recordable format; others are the formats that the
// sender may send instead.
type offer struct {
	media  *description.Media
	format format.Format
	config rtp.Config
	others []otherFormat
}

// otherFormat is a further format of a media section. It becomes the track if the sender sends it (see choice).
type otherFormat struct {
	format format.Format
	config rtp.Config
	leave  string // why the format cannot be recorded; empty: it can be recorded
}

// sorting sorts the media sections of the peer's session description.
type sorting struct {
	// away is the direction attribute by which the peer marks media that flows from spool to the peer. A publisher
	// describes its own side, so its away is recvonly. A camera describes the client's side (ONVIF Streaming
	// Specification, 5.3), so its away is sendonly. Not all peers comply.
	away    direction
	options rtp.Options
}

// offered and announced sort the description of a camera and that of a publisher's ANNOUNCE.
func offered(o rtp.Options) sorting   { return sorting{sendonly, o} }
func announced(o rtp.Options) sorting { return sorting{recvonly, o} }

// sort sorts the media sections of a description. take holds the recordable sections. leave names the codecs, or the
// unsupported features, of the other sections. sdp is the canonical description from readable, and desc is the result
// of readDescription for it.
func (g sorting) sort(desc *description.Session, sdp []byte) (take []offer, leave []string) {
	s, err := readText(sdp, canonicalBounds)
	if err != nil || len(s.sections) != len(desc.Medias) {
		return nil, []string{"a session description that is not in canonical form"}
	}
	for i, m := range desc.Medias {
		if g.away == sendonly && s.backChannel(i) || s.repeats(i) {
			continue
		}
		if m := &s.sections[i]; m.secure && (m.crypto == "" || g.away == recvonly) { // only pulled media is decrypted
			leave = append(leave, m.kind+", encrypted (SRTP)")
			continue
		}
		o, why := s.offer(i, m, g.options)
		if o.format == nil {
			leave = append(leave, why...)
			continue
		}
		o.config.Track.Optional = s.mayBeSilent(i, g.away)
		take = append(take, o)
	}
	return take, leave
}

// offer returns the offer of section i; m is gortsplib's reading of the section. If no format can be recorded, the
// offer has a nil format, and why has a reason for each format.
func (s *sessionText) offer(i int, m *description.Media, options rtp.Options) (o offer, why []string) {
	o.media = m
	said := s.sections[i]
	for j := said.from; j < said.to; j++ {
		f := s.described(&said, j)
		as := formatOf(m, f.PayloadType)
		if as == nil {
			continue
		}
		c, err := said.config(&f, options)
		switch {
		case err == nil && o.format == nil:
			o.format, o.config = as, c
		case err == nil:
			c.Track.Optional = true
			o.others = append(o.others, otherFormat{format: as, config: c})
		case f.Companion():
			why = append(why, err.Error())
		default:
			why = append(why, err.Error())
			o.others = append(o.others, otherFormat{format: as, leave: err.Error()})
		}
	}
	return o, why
}

// described returns format j, which belongs to section m. If the format has no parameters (fmtp), the result has the
// parameters of another format of the section with the same codec.
func (s *sessionText) described(m *section, j int) rtp.Format {
	f := s.formats[j]
	for i := m.from; i < m.to && !f.Said; i++ {
		if o := &s.formats[i]; o.Said && o.Name == f.Name {
			f.Adopt(o)
		}
	}
	return f
}

func formatOf(m *description.Media, payloadType uint8) format.Format {
	for _, f := range m.Formats {
		if f.PayloadType() == payloadType {
			return f
		}
	}
	return nil
}

// backChannel reports whether section i is for sound from the client to the camera: it is audio marked sendonly, and
// another section is recvonly, or is audio that is not sendonly. A camera that marks all its sections sendonly
// describes its own side, so none of them is a back channel.
func (s *sessionText) backChannel(i int) bool {
	if s.sections[i].kind != "audio" || s.sections[i].direction != sendonly {
		return false
	}
	for j := range s.sections {
		if m := &s.sections[j]; m.direction == recvonly || m.kind == "audio" && m.direction != sendonly {
			return true
		}
	}
	return false
}

// mayBeSilent reports whether section i may carry no media. Such a section is inactive, or is audio with the direction
// away (see sorting), while another section has a different direction.
func (s *sessionText) mayBeSilent(i int, away direction) bool {
	m := &s.sections[i]
	if m.direction != inactive && (m.direction != away || m.kind != "audio") {
		return false
	}
	for j := range s.sections {
		if s.sections[j].direction != m.direction {
			return true
		}
	}
	return false
}

// repeats reports whether section i has the control address, the kind and the formats of an earlier section.
func (s *sessionText) repeats(i int) bool {
	m := &s.sections[i]
	for j := range s.sections[:i] {
		o := &s.sections[j]
		if m.control != "" && m.control == o.control && m.kind == o.kind && s.sameFormats(m, o) {
			return true
		}
	}
	return false
}

func (s *sessionText) sameFormats(a, b *section) bool {
	if a.to-a.from != b.to-b.from {
		return false
	}
	for i := range s.formats[a.from:a.to] {
		x, y := &s.formats[a.from+i], &s.formats[b.from+i]
		if x.PayloadType != y.PayloadType || x.Name != y.Name {
			return false
		}
	}
	return true
}

// config returns the configuration of a recordable format for package rtp. Otherwise the text of the error is the name
// of the codec, or names the unsupported feature.
func (m *section) config(f *rtp.Format, o rtp.Options) (rtp.Config, error) {
	name := cmp.Or(f.Name, "unnamed-"+strconv.Itoa(int(f.PayloadType)))
	if !f.OfKind(m.kind) {
		return rtp.Config{}, errors.New(name)
	}
	c, err := f.Config(o)
	if errors.Is(err, rtp.ErrCodec) {
		err = errors.New(name)
	}
	return c, err
}

// codecName returns the name of a format's codec in lower case, without the prefix x-, or its payload type if the codec
// has no name.
func codecName(f format.Format) string {
	name, _, _ := strings.Cut(f.RTPMap(), "/")
	return cmp.Or(rtp.CodecNamed(name), rtp.StaticName(f.PayloadType()), fmt.Sprintf("payload type %d", f.PayloadType()))
}
