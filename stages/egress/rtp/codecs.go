package rtp

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/bluenviron/gortsplib/v5/pkg/format"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/media/live"
)

// form is the form in which RTP carries a codec.
type form struct {
	codec media.Codec
	// describe returns the format of a track for a session description. pt is a dynamic payload type for it.
	describe  func(t *media.Track, pt uint8) (format.Format, error)
	packetise func(s *Sender, f *Frames, u *live.Unit)
}

// forms lists the codecs that are sent. A new codec is a new row.
var forms = []form{
	{codec.H264, describeAVC, avcFragments.nalUnits},
	{codec.H265, describeHEVC, hevcFragments.nalUnits},
	{codec.AAC, describeAAC, aac},
	{codec.Opus, describeOpus, whole},
	{codec.MP3, describeMP3, mpegAudio},
	{codec.MuLaw, describeG711(true), samples},
	{codec.ALaw, describeG711(false), samples},
	{codec.LPCM, describeLPCM, samples},
}

func formOf(t *media.Track) *form {
	for i := range forms {
		if forms[i].codec == t.Codec {
			return &forms[i]
		}
	}
	return nil
}

// Describe returns the format of a track for a session description, with a dynamic payload type where the codec has no static
// one. Its error says why the track cannot be sent.
func Describe(t *media.Track, pt uint8) (format.Format, error) {
	f := formOf(t)
	if f == nil {
		return nil, fmt.Errorf("%s is not sent by RTP here", codec.Of(t.Codec).Title)
	}
	return f.describe(t, pt)
}

// Fits reports whether a client to which one track was described can decode another: parameter sets of NAL units are sent with
// the key frames, and all else must be equal.
func Fits(described, t *media.Track) bool {
	sets := codec.Of(t.Codec).NAL != nil || slices.EqualFunc(described.ParameterSets, t.ParameterSets, bytes.Equal)
	return described.Codec == t.Codec && described.SampleRate == t.SampleRate && described.Channels == t.Channels && sets
}

func describeAVC(t *media.Track, pt uint8) (format.Format, error) {
	return &format.H264{PayloadTyp: pt, PacketizationMode: 1, SPS: parameterSet(t, 0x1f, 7), PPS: parameterSet(t, 0x1f, 8)}, nil
}

func describeHEVC(t *media.Track, pt uint8) (format.Format, error) {
	return &format.H265{PayloadTyp: pt, VPS: parameterSet(t, 0x7e, 32<<1), SPS: parameterSet(t, 0x7e, 33<<1), PPS: parameterSet(t, 0x7e, 34<<1)}, nil
}

// parameterSet returns the first parameter set whose first byte is kind under a mask.
func parameterSet(t *media.Track, mask, kind byte) []byte {
	for _, set := range t.ParameterSets {
		if len(set) > 0 && set[0]&mask == kind {
			return set
		}
	}
	return nil
}

// describeAAC describes AAC as a codec that gortsplib does not know: its own form would decode the configuration.
func describeAAC(t *media.Track, pt uint8) (format.Format, error) {
	out := &format.Generic{PayloadTyp: pt, RTPMa: fmt.Sprintf("mpeg4-generic/%d/%d", t.Timescale, t.Channels), FMT: map[string]string{
		"streamtype": "5", "profile-level-id": "1", "mode": "AAC-hbr", "sizelength": "13", "indexlength": "3", "indexdeltalength": "3",
		"config": hex.EncodeToString(t.ParameterSets[0]),
	}}
	return out, out.Init()
}

func describeOpus(t *media.Track, pt uint8) (format.Format, error) {
	if t.Channels > 2 {
		return nil, fmt.Errorf("Opus of %d channels is not sent by RTP here", t.Channels)
	}
	return &format.Opus{PayloadTyp: pt, ChannelCount: t.Channels}, nil
}

func describeMP3(*media.Track, uint8) (format.Format, error) { return &format.MPEG1Audio{}, nil }

// describeG711 uses the static payload types where it may (RFC 3551, 6).
func describeG711(muLaw bool) func(*media.Track, uint8) (format.Format, error) {
	return func(t *media.Track, pt uint8) (format.Format, error) {
		switch {
		case t.SampleRate != 8000 || t.Channels != 1:
		case muLaw:
			pt = 0
		default:
			pt = 8
		}
		return &format.G711{PayloadTyp: pt, MULaw: muLaw, SampleRate: t.SampleRate, ChannelCount: t.Channels}, nil
	}
}

func describeLPCM(t *media.Track, pt uint8) (format.Format, error) {
	bits := int(t.ParameterSets[0][1])
	if bits != 16 && bits != 24 {
		return nil, errors.New("LPCM of 32 bits is not sent by RTP")
	}
	return &format.LPCM{PayloadTyp: pt, BitDepth: bits, SampleRate: t.SampleRate, ChannelCount: t.Channels}, nil
}
