package hls

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
)

// trackOf returns the track of packed audio with an AudioSpecificConfig.
func trackOf(set [2]byte, rate uint32) (media.Track, error) {
	t := media.Track{Codec: codec.AAC, Timescale: rate, ParameterSets: [][]byte{set[:]}}
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
