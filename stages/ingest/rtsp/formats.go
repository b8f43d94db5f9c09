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

// offer is a recordable media section of a session description: the first recordable format, and the formats that the
// sender may send instead.
type offer struct {
	media  *description.Media
	format format.Format
	config rtp.Config
	others []otherFormat
}

// otherFormat is a further format of a section. The section's track is the format that is sent.
type otherFormat struct {
	format format.Format
	config rtp.Config
	leave  string // why it cannot be recorded; empty if it can
}

// offers sorts a camera's sections into the recordable ones and the codec names of the others. sdp is the result of
// readable, and desc is gortsplib's reading of it.
func offers(desc *description.Session, sdp []byte) (take []offer, leave []string) {
	return sortOffers(desc, sdp, sendonly)
}

// announced sorts the sections of a publisher's announcement, like offers.
func announced(desc *description.Session, sdp []byte) (take []offer, leave []string) {
	return sortOffers(desc, sdp, recvonly)
}

// sortOffers implements offers and announced; away marks a section whose media flows away from the server. Publishers
// describe from their side, and cameras from the client's (ONVIF Streaming Specification, 5.3), but not all do.
func sortOffers(desc *description.Session, sdp []byte, away direction) (take []offer, leave []string) {
	s, err := readText(sdp, canonicalBounds)
	if err != nil || len(s.sections) != len(desc.Medias) {
		return nil, []string{"a session description that is not in canonical form"}
	}
	for i, m := range desc.Medias {
		if away == sendonly && s.backChannel(i) || s.repeats(i) {
			continue
		}
		if m := &s.sections[i]; m.secure && (m.crypto == "" || away == recvonly) { // only pulled media is decrypted
			leave = append(leave, m.kind+", encrypted (SRTP)")
			continue
		}
		o, why := s.offer(i, m)
		if o.format == nil {
			leave = append(leave, why...)
			continue
		}
		o.config.Track.Optional = s.mayBeSilent(i, away)
		take = append(take, o)
	}
	return take, leave
}

// offer returns the offer of a section; without a format if the section has no recordable one.
func (s *sessionText) offer(i int, m *description.Media) (o offer, why []string) {
	o.media = m
	said := s.sections[i]
	for j := said.from; j < said.to; j++ {
		f := s.described(&said, j)
		as := formatOf(m, f.PayloadType)
		if as == nil {
			continue
		}
		c, err := said.config(&f)
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

// described returns a format of a section. A format without parameters gets those of another one of its codec.
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

// backChannel reports whether a section is for sound to a camera: it is marked so, and others are marked as from the
// camera.
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

// mayBeSilent reports whether a section may send no media: by its direction, if others have another one.
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

// repeats reports whether a section repeats an earlier one.
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

// config returns the configuration of a recordable format. The error is the name of the codec, or names the
// unsupported part.
func (m *section) config(f *rtp.Format) (rtp.Config, error) {
	name := cmp.Or(f.Name, "unnamed-"+strconv.Itoa(int(f.PayloadType)))
	if m.kind != "video" && m.kind != "audio" {
		return rtp.Config{}, errors.New(name)
	}
	c, err := f.Config()
	if errors.Is(err, rtp.ErrCodec) {
		err = errors.New(name)
	}
	return c, err
}

// codecName returns the codec's name as the session description spells it, in lower case.
func codecName(f format.Format) string {
	name, _, _ := strings.Cut(f.RTPMap(), "/")
	return cmp.Or(rtp.CodecNamed(name), rtp.StaticName(f.PayloadType()), fmt.Sprintf("payload type %d", f.PayloadType()))
}
