package hls

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/codec/adts"
	"github.com/gospool/spool/pipeline/media"
)

// packedFrame holds fields of the header of a frame of packed audio.
type packedFrame struct {
	bytes, headerBytes int // the header is no part of the access unit, or is 0 bytes long
	samples            int64
	of                 packedTrack
}

// packedTrack tells the track of frames of packed audio. Frames of the same track have equal ones.
type packedTrack struct {
	aac  bool
	set  [2]byte        // of AAC: AudioSpecificConfig
	mp3  codec.MP3Frame // of MP3: without the fields that differ from frame to frame
	rate int
}

// readPacked reads the header of a frame of packed audio (RFC 8216, 3.4): of AAC in ADTS, or of MP3. Both have the same
// synchronisation word, and ADTS has no layer.
func readPacked(b []byte) (f packedFrame, err error) {
	if len(b) > 1 && b[1]&6 != 0 {
		h, err := codec.ReadMP3Frame(b)
		f = packedFrame{bytes: h.Bytes, samples: int64(h.Samples)}
		h.Layer, h.Bytes, h.Samples = 0, 0, 0
		f.of = packedTrack{mp3: h, rate: h.Rate}
		return f, err
	}
	h, err := adts.Read(b)
	if err != nil {
		return f, err
	}
	return packedFrame{h.Bytes, h.HeaderBytes, adts.FrameSamples, packedTrack{aac: true, set: h.Config(), rate: h.Rate()}}, nil
}

// track returns the description of the track.
func (p packedTrack) track() (media.Track, error) {
	t := media.Track{Codec: codec.MP3, Timescale: uint32(p.rate)}
	if p.aac {
		t.Codec, t.ParameterSets = codec.AAC, [][]byte{p.set[:]}
	} else {
		t.ParameterSets = [][]byte{p.mp3.Set()}
	}
	err := codec.Of(t.Codec).Describe(&t)
	return t, err
}

// texts are the codecs of subtitles, which are not recorded and hinder no recording.
var texts = []string{"wvtt", "stpp", "tx3g", "c608", "c708"}

// recordable reports whether the codecs of a variant can be recorded. It is true for a variant that does not tell them.
func (v *variant) recordable() bool {
	media := 0
	for _, c := range v.codecs {
		kind, _, _ := strings.Cut(c, ".")
		switch {
		case slices.Contains(texts, kind):
		case codec.OfSampleEntry(kind) == nil:
			return false
		default:
			media++
		}
	}
	return media > 0 || len(v.codecs) == 0
}

// choose returns the variant of the greatest bandwidth whose codecs can be recorded.
func (m *master) choose() (*variant, error) {
	var best *variant
	var others []string
	for i := range m.variants {
		switch v := &m.variants[i]; {
		case !v.recordable():
			others = append(others, strings.Join(v.codecs, ","))
		case best == nil || v.bandwidth > best.bandwidth:
			best = v
		}
	}
	switch {
	case best != nil:
		return best, nil
	case len(m.variants) == 0:
		return nil, errors.New("the multivariant playlist has no variant")
	}
	return nil, fmt.Errorf("no variant has codecs that can be recorded: it has %.200q; %s can be", strings.Join(others, "; "), codec.Titles("and"))
}
