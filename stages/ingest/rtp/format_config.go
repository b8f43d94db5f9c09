package rtp

import (
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest"
)

func (f *Format) h264(of media.Codec) (Config, error) {
	return f.video(of, f.value(packetizationMode) == "2", spropParameterSets, spropSPS, spropPPS), nil
}

func (f *Format) h265(of media.Codec) (Config, error) {
	return f.video(of, number(f.value(spropMaxDONDiff), 0, 1<<31) > 0, spropVPS, spropSPS, spropPPS), nil
}

func (f *Format) video(coding media.Codec, decodingOrder bool, sets ...parameter) Config {
	c := Config{Clock: f.Clock, DecodingOrder: decodingOrder, Track: ingest.TrackConfig{Codec: coding, Timescale: VideoClockHz}}
	// Both parameters count slices only, so twice their number is held. A depth below the default is of no use.
	if depth := 2 * max(number(f.value(spropInterleavingDepth), 0, 1<<15), number(f.value(spropDepackBufNALUs), 0, 1<<15)); depth > 64 {
		c.OrderDepth = int(depth)
	}
	for _, p := range sets {
		c.Track.ParameterSets = append(c.Track.ParameterSets, sprop(f.value(p))...)
	}
	return c
}

// widths holds, by mode, the sizes in bits of the fields of an AU-header (RFC 3640, 3.3.5 and 3.3.6). They stand in for
// the parameters that a sender leaves out.
var widths = map[string][3]int{"aac-hbr": {13, 3, 3}, "aac_hbr": {13, 3, 3}, "aac-lbr": {6, 2, 2}}

func (f *Format) aac(of media.Codec) (Config, error) {
	unreadable := errors.New("unreadable-" + f.Name)
	w := f.auHeader()
	var asc []byte
	if said := f.value(aacConfig); said != "" {
		asc = hexDigits(said)
		if _, err := codec.ReadAudioSpecificConfig(asc); err != nil {
			return Config{}, unreadable
		}
	}
	if w[0] == 0 {
		return Config{}, unreadable
	}
	p, err := AACPayload(asc, w)
	if err != nil {
		return Config{}, err
	}
	return f.audio(of, asc, p)
}

// auHeader returns the sizes in bits of the fields of an AU-header: AU-size, AU-Index and AU-Index-delta. The size of AU-size
// is 0 if it is unknown.
func (f *Format) auHeader() [3]int {
	w := widths[strings.ToLower(f.value(aacMode))]
	for i, p := range [...]parameter{aacSizeLength, aacIndexLength, aacIndexDeltaLength} {
		if said := f.value(p); said != "" {
			w[i] = int(number(said, 0, 32))
		}
	}
	return w
}

func hexDigits(digits string) []byte {
	raw, err := hex.DecodeString(strings.TrimPrefix(digits, "0x"))
	if err != nil {
		return nil
	}
	return raw
}

// audio returns the Config of an AAC track with the depacketizer p. asc is its AudioSpecificConfig, or nil if the
// configuration is in the stream. RTP times have the clock rate of the rtpmap (RFC 8866, 6.6), whatever rates the
// configuration has. If the sender uses another of these rates, its first times show that. The timescale of the track is
// at least the core's sample rate, so that a tick is not longer than a sample. The AudioSpecificConfig stays as it was
// sent, because an AudioSpecificConfig that is written anew from the parsed fields would lose an extension at its end.
func (f *Format) audio(of media.Codec, asc []byte, p AudioPayload) (Config, error) {
	c := Config{Audio: p, Track: ingest.TrackConfig{Codec: of, Timescale: f.Clock}}
	if asc == nil { // the configuration is in the stream
		if f.Clock == 0 {
			return Config{}, errors.New("aac without a sample rate")
		}
		return c, nil
	}
	c.Track.ParameterSets = [][]byte{asc}
	a, err := codec.ReadAudioSpecificConfig(asc)
	if err != nil {
		return c, fmt.Errorf("aac: %w", err)
	}
	clock := cmp.Or(f.Clock, uint32(a.Rate))
	core := uint32(a.CoreRate)
	c.Track.Timescale = max(clock, core)
	c.setClock(clock, core, uint32(a.Rate), 2*core, VideoClockHz)
	return c, nil
}

// setClock sets the announced rate of the RTP times, and the rates that some senders use in place of it.
func (c *Config) setClock(announced uint32, others ...uint32) {
	c.Clock = announced
	for _, other := range others {
		if other != announced {
			c.OtherClocks = append(c.OtherClocks, other)
		}
	}
}

// maxSets is the most parameter sets that are read from a list. Further sets are ignored, because the sets in use also
// come in the stream.
const maxSets = 64

// sprop decodes a list of parameter sets in base64. It leaves out a set that cannot be decoded, and the start code that
// some senders put before a set.
func sprop(list string) (out [][]byte) {
	for list != "" && len(out) < maxSets {
		var item string
		item, list, _ = strings.Cut(list, ",")
		nal, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(strings.Trim(item, blanks), "="))
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
