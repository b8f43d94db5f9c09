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

// offer is a media section of a session description that can be recorded: the
// first format that can be, and what else it may send instead.
type offer struct {
	media  *description.Media
	format format.Format
	config rtp.Config
	others []otherFormat
}

// otherFormat is a further format of a section. The section's track is the one that
// is sent.
type otherFormat struct {
	format format.Format
	config rtp.Config
	leave  string // why it cannot be recorded; empty where it can
}

// offers sorts what a camera describes into the sections that can be recorded and
// the codec names of those that can't. sdp is what readable made, and desc what
// gortsplib read in it.
func offers(desc *description.Session, sdp []byte) (take []offer, leave []string) {
	return sortOffers(desc, sdp, sendonly)
}

// announced is offers of what a publisher announces.
func announced(desc *description.Session, sdp []byte) (take []offer, leave []string) {
	return sortOffers(desc, sdp, recvonly)
}

// sortOffers is both; away is how a section is marked that flows away from here.
// Publishers describe from their side, and cameras from the client's (ONVIF
// Streaming Specification, 5.3), but not all do.
func sortOffers(desc *description.Session, sdp []byte, away direction) (take []offer, leave []string) {
	s, err := readText(sdp, canonicalBounds)
	if err != nil || len(s.sections) != len(desc.Medias) {
		return nil, []string{"a session description that is not in canonical form"}
	}
	for i, m := range desc.Medias {
		if away == sendonly && s.backChannel(i) || s.repeats(i) {
			continue
		}
		if m := &s.sections[i]; m.secure && (m.crypto == "" || away == recvonly) { // only what is pulled is decrypted
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

// offer returns what a section offers; without a format where nothing can be recorded.
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

// described returns a format of a section, with the parameters of another one of its
// codec where it has none.
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

// backChannel reports whether a section is for sound to a camera: marked so, where
// others are marked as from it.
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

// mayBeSilent reports whether nothing may come of a section: by its direction, where
// others have another one.
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

// repeats reports whether a section is another one said again.
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

// config returns what a format means that can be recorded. The error is the name of the
// codec, or what is not supported about it.
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

// codecName is as the session description spells it, in lower case.
func codecName(f format.Format) string {
	name, _, _ := strings.Cut(f.RTPMap(), "/")
	return cmp.Or(rtp.CodecNamed(name), rtp.StaticName(f.PayloadType()), fmt.Sprintf("payload type %d", f.PayloadType()))
}
