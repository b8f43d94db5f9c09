package mpegts

import (
	"errors"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/opus"

	"github.com/gospool/spool/pipeline/codec"
)

// opusLayouts holds, by the number of channels, the streams, the coupled streams and the channel mapping of the mapping
// family 1 (RFC 7845, 5.1.1.2).
var opusLayouts = [9][]byte{
	3: {2, 1, 0, 2, 1},
	4: {2, 2, 0, 1, 2, 3},
	5: {3, 2, 0, 4, 1, 2, 3},
	6: {4, 2, 0, 4, 1, 2, 3, 5},
	7: {4, 3, 0, 4, 1, 2, 3, 5, 6},
	8: {5, 3, 0, 6, 1, 2, 3, 4, 5, 7},
}

// opusDescriptor is descriptor_tag_extension of the descriptor of Opus ("Opus in MPEG-TS", ETSI TS 103 491 form).
const opusDescriptor = 0x80

// opusSets returns the parameter set of Opus from its descriptor, whose channel_config_code is the number of channels.
func opusSets(c *component) ([][]byte, error) {
	data, found := c.descriptors.find(tagExtension)
	if !found || len(data) < 2 || data[0] != opusDescriptor {
		return nil, errors.New("opus-without-a-descriptor")
	}
	channels := int(data[1])
	switch {
	case channels == 0: // two independent channels
		return nil, errors.New("opus-dual-mono")
	case channels >= len(opusLayouts):
		return nil, errors.New("opus-of-an-unknown-layout")
	}
	return [][]byte{codec.OpusConfig{Channels: channels, Mapping: opusLayouts[channels]}.Set()}, nil
}

// opusFrames reads Opus: packets, each with a control header.
type opusFrames struct {
	headerBytes int
	samples     int64
}

func (o *opusFrames) frame(b []byte, final bool) (f frame, err error) {
	if len(b) < 2 {
		return f, partly(b, 0x7f)
	}
	if b[0] != 0x7f || b[1]&0xe0 != 0xe0 {
		return f, errSync
	}
	at, size := 2, 0
	for {
		if at == len(b) {
			return f, nil
		}
		n := int(b[at])
		at++
		if size += n; n < 255 {
			break
		}
		if size > maxOpusBytes {
			return f, errSync
		}
	}
	for _, trim := range [2]byte{0x10, 0x08} { // start_trim_flag, end_trim_flag
		if b[1]&trim != 0 {
			at += 2
		}
	}
	if b[1]&0x04 != 0 { // control_extension_flag
		if at >= len(b) {
			return f, nil
		}
		at += 1 + int(b[at])
	}
	o.headerBytes = at
	f = frame{at + size, 0, codec.OpusRate}
	if size == 0 {
		return f, errSync
	}
	if at < len(b) {
		f.samples = opus.PacketDuration2(b[at:min(at+size, len(b))])
	}
	o.samples = f.samples
	return f, nil
}

// maxOpusBytes bounds a packet of 255 streams, each of 1275 bytes at most (RFC 6716, 3.2.1), with 48 frames; no sender
// has as many.
const maxOpusBytes = 64 << 10

func (o *opusFrames) units(b []byte, s *sound) { s.unit(b[o.headerBytes:], o.samples) }
