package rtp

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"strings"
)

// Format describes one payload type of a session description (RFC 8866), by its attributes rtpmap and fmtp.
type Format struct {
	PayloadType uint8
	Name        string // name of the codec in lower case; empty: not given
	Clock       uint32 // clock rate; 0: not given
	Channels    uint32
	Said        bool // the format has an fmtp attribute

	values []parameterValue // of the fmtp attribute, in the order of the parameters, each parameter at most once
}

// parameterValue is a parameter of the attribute fmtp with its value, which is not empty.
type parameterValue struct {
	of    parameter
	value string
}

const blanks = " \t"

// parameter is a supported parameter of the attribute fmtp (RFC 6184, 8.1; RFC 7798, 7.1; RFC 3640, 4.1; RFC 6416,
// 7.1). SetSize sets dimensions, which descriptions have in other attributes.
type parameter uint8

const (
	packetizationMode parameter = iota
	spropParameterSets
	spropVPS
	spropSPS
	spropPPS
	spropMaxDONDiff
	spropInterleavingDepth
	spropDepackBufNALUs
	aacMode
	aacConfig
	aacSizeLength
	aacIndexLength
	aacIndexDeltaLength
	latmCPresent
	opusStreams
	opusCoupled
	opusMapping
	dimensions
	parameters
)

var parameterNames = [parameters]string{
	"packetization-mode", "sprop-parameter-sets", "sprop-vps", "sprop-sps", "sprop-pps", "sprop-max-don-diff",
	"sprop-interleaving-depth", "sprop-depack-buf-nalus",
	"mode", "config", "sizelength", "indexlength", "indexdeltalength", "cpresent",
	"num_streams", "coupled_streams", "channel_mapping", "dimensions",
}

// static holds the payload types that need no rtpmap (RFC 3551, 6). Type 2 is that of G.726 at 32 kbit/s in RFC 1890,
// under its older name G.721.
var static = map[uint8]Format{
	0: {Name: "pcmu", Clock: 8000}, 2: {Name: "g726-32", Clock: 8000}, 3: {Name: "gsm", Clock: 8000}, 4: {Name: "g723", Clock: 8000}, 5: {Name: "dvi4", Clock: 8000},
	6: {Name: "dvi4", Clock: 16000}, 7: {Name: "lpc", Clock: 8000}, 8: {Name: "pcma", Clock: 8000}, 9: {Name: "g722", Clock: 8000},
	10: {Name: "l16", Clock: 44100, Channels: 2}, 11: {Name: "l16", Clock: 44100}, 12: {Name: "qcelp", Clock: 8000}, 13: {Name: "cn", Clock: 8000},
	14: {Name: "mpa", Clock: 90000}, 15: {Name: "g728", Clock: 8000}, 16: {Name: "dvi4", Clock: 11025}, 17: {Name: "dvi4", Clock: 22050},
	18: {Name: "g729", Clock: 8000}, 25: {Name: "celb", Clock: 90000}, 26: {Name: "jpeg", Clock: 90000}, 28: {Name: "nv", Clock: 90000},
	31: {Name: "h261", Clock: 90000}, 32: {Name: "mpv", Clock: 90000}, 33: {Name: "mp2t", Clock: 90000}, 34: {Name: "h263", Clock: 90000},
}

// StaticName returns the codec of a payload type that needs no rtpmap, or "" for any other type.
func StaticName(pt uint8) string { return static[pt].Name }

const (
	VideoClockHz = 90000      // ticks a second of all recordable video
	minClockHz   = 1000       // a lower value is not a clock rate
	maxClock     = 10_000_000 // Hz; a higher value is not a clock rate
	maxName      = 32         // bytes of a codec's name; the rest is ignored
)

// ReadPayloadType reads a payload type of RTP, 0 to 127, at the beginning of a text. It returns the text after it,
// without blanks around. If ok is false, rest is the whole text.
func ReadPayloadType(text string) (pt uint8, rest string, ok bool) {
	digits := 0
	for digits < len(text) && text[digits] >= '0' && text[digits] <= '9' {
		digits++
	}
	n, err := strconv.ParseUint(text[:digits], 10, 7)
	if err != nil {
		return 0, text, false
	}
	return uint8(n), strings.Trim(text[digits:], blanks), true
}

// ReadMap sets Name, Clock and Channels from the value of an rtpmap: NAME/CLOCK or NAME/CLOCK/CHANNELS, with blanks
// anywhere. Without a name it sets neither Clock nor Channels.
func (f *Format) ReadMap(text string) {
	name, rest, _ := strings.Cut(text, "/")
	name, more := strings.Trim(name, blanks), ""
	if end := strings.IndexAny(name, blanks); end >= 0 {
		name, more = name[:end], name[end:]
	}
	if rest == "" {
		rest = more // NAME CLOCK, with a blank instead of the slash
	}
	clock, channels, _ := strings.Cut(rest, "/")
	if f.Name = CodecNamed(name); f.Name == "" {
		return
	}
	f.Clock, f.Channels = number(clock, minClockHz, maxClock), number(channels, 1, 64)
}

// CodecNamed returns the canonical form of a codec's name: in lower case, without the prefix x- of an unregistered
// name, and without the text from the first blank or unprintable byte on. Where some senders use another name than
// the standard, it returns the standard's name.
func CodecNamed(name string) string {
	name = strings.ToLower(name)
	for strings.HasPrefix(name, "x-") {
		name = name[2:]
	}
	name = name[:min(len(name), maxName)]
	for i := range len(name) {
		if name[i] <= ' ' || name[i] >= 0x7f {
			name = name[:i]
			break
		}
	}
	return ownName(name)
}

// number reads the decimal number at the beginning of a text. It returns 0 if the text does not begin with a
// number, or if the number is less than least or more than most.
func number(text string, least, most uint32) uint32 {
	text = strings.Trim(text, blanks)
	digits := 0
	for digits < len(text) && text[digits] >= '0' && text[digits] <= '9' {
		digits++
	}
	n, err := strconv.ParseUint(text[:digits], 10, 32)
	if err != nil || uint32(n) < least || uint32(n) > most {
		return 0
	}
	return uint32(n)
}

// ReadParameters reads the value of an fmtp attribute, KEY=VALUE; KEY=VALUE... It ignores keys that package rtp does
// not use. A repeated key replaces the earlier value.
func (f *Format) ReadParameters(text string) {
	f.Said = true
	for text != "" {
		var item string
		item, text, _ = strings.Cut(text, ";")
		key, value, _ := strings.Cut(item, "=")
		key, value = strings.Trim(key, blanks), strings.Trim(value, " \t\"")
		if value == "" {
			continue
		}
		for p, name := range parameterNames {
			if strings.EqualFold(key, name) {
				f.set(parameter(p), value)
			}
		}
	}
}

// value returns the value of a parameter, or "" if the fmtp attribute does not have it.
func (f *Format) value(p parameter) string {
	for _, v := range f.values {
		if v.of == p {
			return v.value
		}
	}
	return ""
}

// set sets the value of a parameter.
func (f *Format) set(p parameter, value string) {
	at, found := slices.BinarySearchFunc(f.values, p, func(v parameterValue, p parameter) int { return cmp.Compare(v.of, p) })
	if !found {
		f.values = slices.Insert(f.values, at, parameterValue{of: p})
	}
	f.values[at].value = value
}

// SetSize sets the size of the pictures of JPEG from a text such as 2592,1944. Other formats have their size in the
// stream.
func (f *Format) SetSize(text string) {
	if f.Name == "jpeg" && text != "" {
		f.set(dimensions, text)
		f.Said = true
	}
}

// Complete adds what the description of the format leaves out: the properties of a static payload type if the format
// has no name, and the default clock rate of the codec. kind is the media type, such as video.
func (f *Format) Complete(kind string) {
	if f.Name == "" {
		f.Name, f.Clock, f.Channels = StaticName(f.PayloadType), static[f.PayloadType].Clock, static[f.PayloadType].Channels
	}
	if c := carriedAs(f.Name); f.Clock == 0 && c != nil {
		f.Clock = c.clock
	}
	if f.Clock == 0 && kind == "video" {
		f.Clock = VideoClockHz
	}
}

// Recordable reports whether the codec of the format can be recorded.
func (f *Format) Recordable() bool { return carriedAs(f.Name) != nil }

// Companion reports whether the format only accompanies another format of its track: retransmission, error correction,
// tones, or silence.
func (f *Format) Companion() bool {
	switch f.Name {
	case "rtx", "red", "ulpfec", "flexfec", "flexfec-03", "parityfec", "telephone-event", "cn":
		return true
	}
	return false
}

// Take moves the fmtp parameters of another format to f, unless f has an fmtp attribute.
func (f *Format) Take(from *Format) {
	if !f.Said {
		f.Adopt(from)
		from.values, from.Said = nil, false
	}
}

// Adopt copies the fmtp parameters of another format to f, in place of its own.
func (f *Format) Adopt(from *Format) { f.values, f.Said = slices.Clone(from.values), from.Said }

// AppendParameters appends the parameters, in the form of an fmtp attribute, to out.
func (f *Format) AppendParameters(out []byte) []byte {
	for i, v := range f.values {
		if i > 0 {
			out = append(out, ';')
		}
		out = append(append(append(out, parameterNames[v.of]...), '='), v.value...)
	}
	return out
}

// Options are the settings of a stream that decide how the media of a format is recorded.
type Options struct {
	KeepG711 bool // G.711 is recorded as it is sent; else as LPCM
}

// Config returns the configuration of a track with this format. The error is ErrCodec for a codec that cannot be
// recorded, or names the unsupported part of the format.
func (f *Format) Config(o Options) (Config, error) {
	c := carriedAs(f.Name)
	if c == nil {
		return Config{}, ErrCodec
	}
	if kept := keptCodecs[f.Name]; o.KeepG711 && kept != 0 {
		return f.pcm(kept, nil, &pcmPayload{frameBytes: 1})
	}
	return c.config(f, c.codec)
}

// ErrCodec is the error of Format.Config for a codec that cannot be recorded.
var ErrCodec = errors.New("a codec that cannot be recorded")
