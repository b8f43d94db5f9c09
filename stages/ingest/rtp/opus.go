package rtp

import (
	"errors"
	"strconv"
	"strings"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/opus"
	"github.com/pion/rtp"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest"
)

// opus makes the Config of Opus (RFC 7587). Its rtpmap names two channels, whatever is sent: the packets say whether
// they are in stereo.
func (f *Format) opus(of media.Codec) (Config, error) {
	c := Config{Clock: codec.OpusRate, Audio: &opusPayload{}, Track: ingest.TrackConfig{Codec: of, Timescale: codec.OpusRate}}
	return c, nil
}

// multiopus makes the Config of Opus with more channels, as Chromium sends it.
func (f *Format) multiopus(of media.Codec) (Config, error) {
	channels, streams, coupled := f.Channels, number(f.value(opusStreams), 1, 255), number(f.value(opusCoupled), 0, 255)
	mapping := []byte{byte(streams), byte(coupled)}
	for item := range strings.SplitSeq(f.value(opusMapping), ",") {
		n, err := strconv.ParseUint(strings.Trim(item, blanks), 10, 8)
		if err != nil || uint32(n) >= streams+coupled {
			return Config{}, errors.New("unreadable-" + f.Name)
		}
		mapping = append(mapping, byte(n))
	}
	if uint32(len(mapping)-2) != channels || coupled > streams || streams+coupled > 255 {
		return Config{}, errors.New("unreadable-" + f.Name)
	}
	c, err := f.opus(of)
	c.Audio = &opusPayload{channels: int(channels)}
	c.Track.ParameterSets = [][]byte{codec.OpusConfig{Channels: int(channels), Mapping: mapping}.Set()}
	return c, err
}

// longestOpusTicks is the duration of the longest packet, 120 ms (RFC 6716, 3.2.5).
const longestOpusTicks = codec.OpusRate * 120 / 1000

// opusPayload takes each packet as one access unit.
type opusPayload struct {
	channels int   // of the newest description; 0: none yet
	ticks    int64 // duration of the newest packet, in samples of 48 kHz
	out      [1][]byte
}

func (o *opusPayload) unpack(p *rtp.Packet, describe func([]byte) error) ([][]byte, error) {
	ticks := opus.PacketDuration2(p.Payload)
	if ticks == 0 || ticks > longestOpusTicks {
		return nil, errShort
	}
	channels := 1
	if p.Payload[0]&4 != 0 { // RFC 6716, 3.1
		channels = 2
	}
	if channels > o.channels { // a decoder of two channels decodes mono, too: encoders change at low rates
		if err := describe(codec.OpusConfig{Channels: channels}.Set()); err != nil {
			return nil, err
		}
		o.channels = channels
	}
	o.ticks, o.out[0] = ticks, p.Payload
	return o.out[:], nil
}

func (o *opusPayload) duration(n int, timescale uint32) int64 {
	return media.Rescale(int64(n)*o.ticks, codec.OpusRate, timescale)
}
