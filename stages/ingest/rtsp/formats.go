package rtsp

import (
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest"
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
		as := formatOf(m, f.payloadType)
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
		case f.companion():
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
func (s *sessionText) described(m *section, j int) saidFormat {
	f := s.formats[j]
	for i := m.from; i < m.to && !f.said; i++ {
		if o := &s.formats[i]; o.said && o.name == f.name {
			f.values, f.said = o.values, true
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
		if x.payloadType != y.payloadType || x.name != y.name {
			return false
		}
	}
	return true
}

// config returns what a format means that can be recorded. The error is the name of the
// codec, or what is not supported about it.
func (m *section) config(f *saidFormat) (rtp.Config, error) {
	name := cmp.Or(f.name, "unnamed-"+strconv.Itoa(int(f.payloadType)))
	if m.kind != "video" && m.kind != "audio" {
		return rtp.Config{}, errors.New(name)
	}
	if c := carriedAs(f.name); c != nil {
		return c.config(f, c.codec)
	}
	return rtp.Config{}, errors.New(name)
}

func (f *saidFormat) h264(of media.Codec) (rtp.Config, error) {
	return f.video(of, f.values[packetizationMode] == "2", spropParameterSets, spropSPS, spropPPS), nil
}

func (f *saidFormat) h265(of media.Codec) (rtp.Config, error) {
	return f.video(of, number(f.values[spropMaxDONDiff], 0, 1<<31) > 0, spropVPS, spropSPS, spropPPS), nil
}

func (f *saidFormat) video(coding media.Codec, decodingOrder bool, sets ...parameter) rtp.Config {
	c := rtp.Config{Clock: f.clock, DecodingOrder: decodingOrder, Track: ingest.TrackConfig{Codec: coding, Timescale: videoClock}}
	// The depth counts slices only: what is less than ingest's own is of no use.
	if depth := 2 * max(number(f.values[spropInterleavingDepth], 0, 1<<15), number(f.values[spropDepackBufNALUs], 0, 1<<15)); depth > 64 {
		c.OrderDepth = int(depth)
	}
	for _, p := range sets {
		c.Track.ParameterSets = append(c.Track.ParameterSets, sprop(f.values[p])...)
	}
	return c
}

// widths are those of the fields before AAC frames (RFC 3640, 3.3.5 and 3.3.6),
// which the modes set and senders may leave unsaid.
var widths = map[string][3]int{"aac-hbr": {13, 3, 3}, "aac_hbr": {13, 3, 3}, "aac-lbr": {6, 2, 2}}

func (f *saidFormat) aac(of media.Codec) (rtp.Config, error) {
	unreadable := errors.New("unreadable-" + f.name)
	raw := hexDigits(f.values[aacConfig])
	var asc mpeg4audio.AudioSpecificConfig
	if asc.Unmarshal(raw) != nil {
		return rtp.Config{}, unreadable
	}
	w := widths[strings.ToLower(f.values[aacMode])]
	for i, p := range [...]parameter{aacSizeLength, aacIndexLength, aacIndexDeltaLength} {
		if said := f.values[p]; said != "" {
			w[i] = int(number(said, 0, 32))
		}
	}
	if w[0] == 0 {
		return rtp.Config{}, unreadable
	}
	p, err := rtp.AACPayload(&format.MPEG4Audio{
		PayloadTyp: f.payloadType, Config: &asc, SizeLength: w[0], IndexLength: w[1], IndexDeltaLength: w[2],
	})
	if err != nil {
		return rtp.Config{}, err
	}
	return f.audio(of, uint32(cmp.Or(asc.ExtensionSampleRate, asc.SampleRate)), raw, p)
}

func hexDigits(digits string) []byte {
	raw, err := hex.DecodeString(strings.TrimPrefix(digits, "0x"))
	if err != nil {
		return nil
	}
	return raw
}

// audio returns an AAC track. RTP times run at the clock of the rtpmap (RFC 8866, 6.6),
// whatever rates the configuration has; should a sender have meant another one of
// them, its first times tell. The track's timescale is no coarser than the core's
// rate, so that a frame is a whole number of ticks. The AudioSpecificConfig stays as
// it was sent: written anew from what a parser understood, an extension at its end
// would be lost.
func (f *saidFormat) audio(of media.Codec, rate uint32, asc []byte, p rtp.AudioPayload) (rtp.Config, error) {
	clock := cmp.Or(f.clock, rate)
	if clock == 0 {
		return rtp.Config{}, errors.New("aac without a sample rate")
	}
	c := rtp.Config{Audio: p, Track: ingest.TrackConfig{Codec: of, Timescale: clock}}
	if asc == nil { // it is in the stream
		return c, nil
	}
	c.Track.ParameterSets = [][]byte{asc}
	a, err := codec.ReadAudioSpecificConfig(asc)
	if err != nil {
		return c, fmt.Errorf("aac: %w", err)
	}
	core := uint32(a.CoreRate)
	c.Clock, c.Track.Timescale = clock, max(clock, core)
	for _, other := range [...]uint32{core, uint32(a.Rate), 2 * core, 90000} {
		if other != clock {
			c.OtherClocks = append(c.OtherClocks, other)
		}
	}
	return c, nil
}

// codecName is as the session description spells it, in lower case.
func codecName(f format.Format) string {
	name, _, _ := strings.Cut(f.RTPMap(), "/")
	return cmp.Or(codecNamed(name), staticName(f.PayloadType()), fmt.Sprintf("payload type %d", f.PayloadType()))
}

// maxSets is how many parameter sets of a list are taken: more than are kept. Those
// that are used come in the stream too.
const maxSets = 64

// sprop decodes a list of parameter sets.
func sprop(list string) (out [][]byte) {
	for list != "" && len(out) < maxSets {
		var item string
		item, list, _ = strings.Cut(list, ",")
		nal, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(trim(item), "="))
		if nal = trimStartCode(nal); err == nil && len(nal) > 0 {
			out = append(out, nal)
		}
	}
	return out
}

func trimStartCode(nal []byte) []byte {
	for len(nal) > 3 && nal[0] == 0 && nal[1] == 0 && (nal[2] == 1 || nal[2] == 0) {
		if nal[2] == 1 {
			return nal[3:]
		}
		nal = nal[1:]
	}
	return nal
}
