package rtp

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bluenviron/gortsplib/v5/pkg/format"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/codec/mpeg4visual"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/media/live"
)

// form is the form in which RTP carries a codec.
type form struct {
	codec media.Codec
	// describe returns the format of a track for a session description. pt is a dynamic payload type for it.
	describe  func(t *media.Track, pt uint8) (format.Format, error)
	packetise func(s *Sender, f *Frames, u *live.Unit)
	// inBand: packets have all parameters of the stream, and a decoder needs those of the description no more.
	inBand bool
	// disposable reports of the header of a NAL unit whether it is of a picture, and whether other pictures need that picture. It
	// is nil for a codec without NAL units.
	disposable func(h byte) (picture, needed bool)
}

// forms lists the codecs that are sent. A new codec is a new row. FLAC has no payload format.
var forms = []form{
	{codec.H264, describeAVC, avcFragments.nalUnits, true, disposableAVC},
	{codec.H265, describeHEVC, hevcFragments.nalUnits, true, disposableHEVC},
	{codec.VP9, describeVP9, vp9, true, nil},
	{codec.AV1, describeAV1, temporalUnit, true, nil},
	{codec.MPEG4, describeMPEG4, parts, false, nil},
	{codec.MJPEG, describeMJPEG, picture, true, nil},
	{codec.AAC, describeAAC, aac, false, nil},
	{codec.USAC, describeAAC, aac, false, nil},
	{codec.Opus, describeOpus, whole, false, nil},
	{codec.MP3, describeMP3, mpegAudio, false, nil},
	{codec.AC3, describeAC3, ac3, true, nil},
	{codec.EAC3, describeEAC3, eac3, true, nil},
	{codec.MuLaw, describeG711(true), samples, false, nil},
	{codec.ALaw, describeG711(false), samples, false, nil},
	{codec.LPCM, describeLPCM, samples, false, nil},
	{codec.ONVIF, describeONVIF, parts, true, nil},
	{codec.KLV, describeKLV, parts, true, nil},
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

// Fits reports whether a client to which one track was described can decode another: if the packets do not have the parameters of
// the stream, these must be equal.
func Fits(described, t *media.Track) bool {
	f := formOf(t)
	same := f != nil && f.inBand || slices.EqualFunc(described.ParameterSets, t.ParameterSets, bytes.Equal)
	return described.Codec == t.Codec && described.SampleRate == t.SampleRate && described.Channels == t.Channels && same
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
	return generic(pt, fmt.Sprintf("mpeg4-generic/%d/%d", t.Timescale, t.Channels), map[string]string{
		"streamtype": "5", "profile-level-id": "1", "mode": "AAC-hbr", "sizelength": "13", "indexlength": "3", "indexdeltalength": "3",
		"config": hex.EncodeToString(t.ParameterSets[0]),
	})
}

// disposableAVC reads nal_unit_type and nal_ref_idc (ITU-T H.264, 7.4.1).
func disposableAVC(h byte) (picture, needed bool) {
	kind := h & 0x1f
	return kind >= 1 && kind <= 5, h&0x60 != 0
}

// disposableHEVC reads nal_unit_type: the even ones below 16 are of pictures that no other of their sub-layer needs (ITU-T H.265,
// table 7-1).
func disposableHEVC(h byte) (picture, needed bool) {
	kind := h >> 1 & 0x3f
	return kind < 32, kind >= 16 || kind%2 != 0
}

// Disposable reports whether a decoder needs an access unit, in mdat form, for no other one.
func Disposable(t *media.Track, unit []byte) bool {
	f := formOf(t)
	if f == nil || f.disposable == nil {
		return false
	}
	for len(unit) > 4 {
		size := int(min(uint64(binary.BigEndian.Uint32(unit)), uint64(len(unit)-4)))
		if size > 0 {
			if picture, needed := f.disposable(unit[4]); picture {
				return !needed
			}
		}
		unit = unit[4+size:]
	}
	return false
}

// describeVP9 names the profile if a decoder must know it: 0 is that of a description without one (RFC 9628, 6).
func describeVP9(t *media.Track, pt uint8) (format.Format, error) {
	f := &format.VP9{PayloadTyp: pt}
	if profile := int(t.ParameterSets[0][0]); profile > 0 {
		f.ProfileID = &profile
	}
	return f, nil
}

// describeAV1 names profile, level and tier as the codecs parameter does, which has them in the same numbers.
func describeAV1(t *media.Track, pt uint8) (format.Format, error) {
	f := &format.AV1{PayloadTyp: pt}
	var profile, level int
	var tier byte
	if n, _ := fmt.Sscanf(codec.Of(t.Codec).MIME(t), "av01.%d.%d%c", &profile, &level, &tier); n == 3 {
		high := 0
		if tier == 'H' {
			high = 1
		}
		f.Profile, f.LevelIdx, f.Tier = &profile, &level, &high
	}
	return f, nil
}

func describeMPEG4(t *media.Track, pt uint8) (format.Format, error) {
	l, err := mpeg4visual.ReadHeaders(t.ParameterSets[0])
	return &format.MPEG4Video{PayloadTyp: pt, ProfileLevelID: int(max(l.Profile, 1)), Config: t.ParameterSets[0]}, err
}

func describeMJPEG(t *media.Track, _ uint8) (format.Format, error) {
	if max(t.Width, t.Height) > maxJPEGPixels {
		return nil, fmt.Errorf("MJPEG of %dx%d is not sent by RTP here", t.Width, t.Height)
	}
	return &format.MJPEG{}, nil
}

// describeOpus describes more channels than two as Chromium does, and stages/ingest/rtp reads it.
func describeOpus(t *media.Track, pt uint8) (format.Format, error) {
	if t.Channels <= 2 {
		return &format.Opus{PayloadTyp: pt, ChannelCount: t.Channels}, nil
	}
	const mappingAt = 11 // in dOps: number of streams, that of coupled streams, and the channels
	set := t.ParameterSets[0]
	if len(set) < mappingAt+2+t.Channels {
		return nil, fmt.Errorf("Opus of %d channels without a mapping is not sent by RTP", t.Channels)
	}
	channels := make([]string, t.Channels)
	for i := range channels {
		channels[i] = strconv.Itoa(int(set[mappingAt+2+i]))
	}
	return generic(pt, fmt.Sprintf("multiopus/%d/%d", codec.OpusRate, t.Channels), map[string]string{
		"num_streams": strconv.Itoa(int(set[mappingAt])), "coupled_streams": strconv.Itoa(int(set[mappingAt+1])), "channel_mapping": strings.Join(channels, ","),
	})
}

func describeAC3(t *media.Track, pt uint8) (format.Format, error) {
	return &format.AC3{PayloadTyp: pt, SampleRate: t.SampleRate, ChannelCount: t.Channels}, nil
}

func describeEAC3(t *media.Track, pt uint8) (format.Format, error) {
	return generic(pt, fmt.Sprintf("eac3/%d/%d", t.SampleRate, t.Channels), nil)
}

func describeONVIF(_ *media.Track, pt uint8) (format.Format, error) {
	return generic(pt, "vnd.onvif.metadata/90000", nil)
}

func describeKLV(_ *media.Track, pt uint8) (format.Format, error) {
	return &format.KLV{PayloadTyp: pt}, nil
}

// generic describes a codec that gortsplib does not know, or does not describe so.
func generic(pt uint8, rtpmap string, parameters map[string]string) (format.Format, error) {
	f := &format.Generic{PayloadTyp: pt, RTPMa: rtpmap, FMT: parameters}
	return f, f.Init()
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
