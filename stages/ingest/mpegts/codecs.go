package mpegts

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
)

// carried is one form in which a transport stream carries a codec.
type carried struct {
	name  string // for the status if the codec cannot be recorded
	codec media.Codec
	rate  uint32 // timescale of the track, if it is known before the first data; 0: clockHz
	// is reports whether an elementary stream has the form.
	is func(c *component) bool
	// sets returns the parameter sets of a codec that has them in the PMT; nil for another codec.
	sets func(c *component) ([][]byte, error)
	// payload makes the reader of an elementary stream; nil: the codec cannot be recorded.
	payload func(e *elementary) payload
}

// carriedCodecs lists the forms. The first one that an elementary stream has is its form.
var carriedCodecs = []carried{
	{name: "h264", codec: codec.H264, is: ofKind(0x1b), payload: newNALUnits},
	{name: "h265", codec: codec.H265, is: either(ofKind(0x24), private("HEVC")), payload: newNALUnits},
	{name: "mpeg4", codec: codec.MPEG4, is: ofKind(0x10), payload: newWholeUnits},
	{name: "aac", codec: codec.AAC, is: ofKind(0x0f), payload: sounds(func() framer { return &adtsFrames{} })},
	{name: "aac", codec: codec.AAC, is: ofKind(0x11), payload: sounds(func() framer { return &latmFrames{} })},
	{name: "mp3", codec: codec.MP3, is: either(ofKind(0x03), ofKind(0x04)), payload: sounds(func() framer { return &mp3Frames{} })},
	{name: "ac-3", codec: codec.AC3, is: either(ofKind(0x81), private("AC-3"), privateWith(tagAC3)), payload: sounds(func() framer { return &ac3Frames{} })},
	{name: "e-ac-3", codec: codec.EAC3, is: either(ofKind(0x87), private("EAC3"), privateWith(tagEnhancedAC3)), payload: sounds(func() framer { return &eac3Frames{} })},
	{name: "opus", codec: codec.Opus, rate: codec.OpusRate, is: private("Opus"), sets: opusSets, payload: sounds(func() framer { return &opusFrames{} })},
	{name: "klv", codec: codec.KLV, is: isKLV, payload: newMetadata},

	{name: "mpeg1video", is: ofKind(0x01)},
	{name: "mpeg2video", is: ofKind(0x02)},
	{name: "mpeg4-audio-raw", is: ofKind(0x1c)},
	{name: "vvc", is: ofKind(0x33)},
	{name: "jpeg2000", is: ofKind(0x21)},
	{name: "dirac", is: ofKind(0xd1)},
	{name: "vc1", is: ofKind(0xea)},
	{name: "av1", is: private("AV01")},
	{name: "smpte302m", is: private("BSSD")},
	{name: "dts", is: either(ofKind(0x82), private("DTS1"), private("DTS2"), private("DTS3"))},
	{name: "lpcm-or-truehd", is: ofKind(0x83)},
	{name: "dvb-teletext", is: privateWith(tagTeletext)},
	{name: "dvb-subtitles", is: privateWith(tagSubtitles)},
	{name: "metadata", is: ofKind(0x15)},
}

// kindPrivate is the stream_type of PES packets with private data: descriptors tell their form.
const kindPrivate = 0x06

func ofKind(kind uint8) func(*component) bool {
	return func(c *component) bool { return c.kind == kind }
}

// private matches private data with a registered format.
func private(format string) func(*component) bool {
	return func(c *component) bool { return c.kind == kindPrivate && c.descriptors.registration() == format }
}

// privateWith matches private data with a descriptor.
func privateWith(tag uint8) func(*component) bool {
	return func(c *component) bool {
		_, found := c.descriptors.find(tag)
		return c.kind == kindPrivate && found
	}
}

func either(of ...func(*component) bool) func(*component) bool {
	return func(c *component) bool {
		return slices.ContainsFunc(of, func(is func(*component) bool) bool { return is(c) })
	}
}

// isSections reports whether an elementary stream has sections, as tables and signals have, and so no media.
func isSections(kind uint8) bool {
	return kind == 0x05 || kind >= 0x08 && kind <= 0x0d || kind == 0x14 || kind == 0x16 || kind == 0x86
}

// formOf returns the form of an elementary stream, or nil if it is unknown.
func formOf(c *component) *carried {
	for i := range carriedCodecs {
		if carriedCodecs[i].is(c) {
			return &carriedCodecs[i]
		}
	}
	return nil
}

// nameOf returns the name of an elementary stream that cannot be recorded.
func nameOf(c *component) string {
	if f := formOf(c); f != nil {
		return f.name
	}
	if format := c.descriptors.registration(); c.kind == kindPrivate && printable(format) {
		return strings.ToLower(format)
	}
	return fmt.Sprintf("stream-type-%#02x", c.kind)
}

// printable reports whether a format identifier can be shown.
func printable(format string) bool {
	return format != "" && !strings.ContainsFunc(format, func(r rune) bool { return r <= ' ' || r > '~' })
}

// Recordable is the end of a sentence for users. It lists the codecs to which they may set an encoder: "H.264, ... and
// AAC can be".
var Recordable = func() string {
	var of []*codec.Codec
	for _, c := range carriedCodecs {
		if known := codec.Of(c.codec); c.payload != nil && !slices.Contains(of, known) {
			of = append(of, known)
		}
	}
	slices.SortStableFunc(of, func(a, b *codec.Codec) int { return cmp.Compare(a.ID, b.ID) })
	return codec.Titles("and", of...) + " can be"
}()
