package rtsp

import (
	"strconv"
	"strings"
)

// parameter is one of the fmtp attribute that is used here (RFC 6184, 8.1; RFC
// 7798, 7.1; RFC 3640, 4.1; RFC 6416, 7.1).
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
	parameters
)

var parameterNames = [parameters]string{
	"packetization-mode", "sprop-parameter-sets", "sprop-vps", "sprop-sps", "sprop-pps", "sprop-max-don-diff",
	"sprop-interleaving-depth", "sprop-depack-buf-nalus",
	"mode", "config", "sizelength", "indexlength", "indexdeltalength", "cpresent",
}

// static are the payload types that need no rtpmap (RFC 3551, 6).
var static = map[uint8]saidFormat{
	0: {name: "pcmu", clock: 8000}, 3: {name: "gsm", clock: 8000}, 4: {name: "g723", clock: 8000}, 5: {name: "dvi4", clock: 8000},
	6: {name: "dvi4", clock: 16000}, 7: {name: "lpc", clock: 8000}, 8: {name: "pcma", clock: 8000}, 9: {name: "g722", clock: 8000},
	10: {name: "l16", clock: 44100, channels: 2}, 11: {name: "l16", clock: 44100}, 12: {name: "qcelp", clock: 8000}, 13: {name: "cn", clock: 8000},
	14: {name: "mpa", clock: 90000}, 15: {name: "g728", clock: 8000}, 16: {name: "dvi4", clock: 11025}, 17: {name: "dvi4", clock: 22050},
	18: {name: "g729", clock: 8000}, 25: {name: "celb", clock: 90000}, 26: {name: "jpeg", clock: 90000}, 28: {name: "nv", clock: 90000},
	31: {name: "h261", clock: 90000}, 32: {name: "mpv", clock: 90000}, 33: {name: "mp2t", clock: 90000}, 34: {name: "h263", clock: 90000},
}

func staticName(pt uint8) string { return static[pt].name }

const (
	videoClock = 90000 // of all video that is recorded
	minClock   = 1000  // below is no clock
	maxClock   = 10_000_000
	maxName    = 32
)

// payloadType reads one at the beginning of a text, of what RTP has room for.
func payloadType(text string) (pt uint8, rest string, ok bool) {
	digits := 0
	for digits < len(text) && text[digits] >= '0' && text[digits] <= '9' {
		digits++
	}
	n, err := strconv.ParseUint(text[:digits], 10, 7)
	if err != nil {
		return 0, text, false
	}
	return uint8(n), trim(text[digits:]), true
}

// word cuts the first word off.
func word(text string) (first, rest string) {
	text = trim(text)
	if end := strings.IndexAny(text, " \t"); end >= 0 {
		return text[:end], trim(text[end:])
	}
	return text, ""
}

// rtpmap reads NAME/CLOCK or NAME/CLOCK/CHANNELS, with blanks anywhere.
func (f *saidFormat) rtpmap(text string) {
	name, rest, _ := strings.Cut(text, "/")
	name, more := word(name)
	if rest == "" {
		rest = more // NAME CLOCK
	}
	clock, channels, _ := strings.Cut(rest, "/")
	if f.name = codecNamed(name); f.name == "" {
		return
	}
	f.clock, f.channels = number(clock, minClock, maxClock), number(channels, 1, 64)
}

// codecNamed brings a codec's name into the form that it has here. The x- of an
// unregistered name is what the canonical form begins every name with.
func codecNamed(name string) string {
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

// number reads one within bounds at the beginning of a text; 0 where none is.
func number(text string, least, most uint32) uint32 {
	text = trim(text)
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

// fmtp reads KEY=VALUE; KEY=VALUE... One that is said again counts anew.
func (f *saidFormat) fmtp(text string) {
	f.said = true
	for text != "" {
		var item string
		item, text, _ = strings.Cut(text, ";")
		key, value, _ := strings.Cut(item, "=")
		key, value = trim(key), strings.Trim(value, " \t\"")
		if value == "" {
			continue
		}
		for p, name := range parameterNames {
			if strings.EqualFold(key, name) {
				f.values[p] = value
			}
		}
	}
}

// complete adds what a static payload type means, and the clock that a codec has.
func (f *saidFormat) complete(kind string) {
	if f.name == "" {
		f.name, f.clock, f.channels = staticName(f.payloadType), static[f.payloadType].clock, static[f.payloadType].channels
	}
	if c := carriedAs(f.name); f.clock == 0 && c != nil {
		f.clock = c.clock
	}
	if f.clock == 0 && kind == "video" {
		f.clock = videoClock
	}
}

// recordable reports whether it is of a codec that can be.
func (f *saidFormat) recordable() bool { return carriedAs(f.name) != nil }

// companion reports whether a format only goes with another one: repetitions,
// error correction, tones, silence.
func (f *saidFormat) companion() bool {
	switch f.name {
	case "rtx", "red", "ulpfec", "flexfec", "flexfec-03", "parityfec", "telephone-event", "cn":
		return true
	}
	return false
}
