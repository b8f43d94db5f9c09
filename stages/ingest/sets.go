package ingest

import (
	"bytes"
	"errors"
	"slices"

	"github.com/gospool/spool/pipeline/media"
)

// paramSets are the parameter sets of one video track, by kind and id. A set
// with the id of another replaces it.
type paramSets struct {
	codec   media.Codec
	slots   []paramSet // by kind, then id
	changed bool       // since the last describe
}

type paramSet struct {
	kind uint8 // NAL unit type
	id   uint32
	nal  []byte
	// alias is the last form that was judged equal although its bytes differ.
	alias []byte
}

// errParamSet is the error for a parameter set that can't be read, or is one too
// many.
var errParamSet = errors.New("parameter set cannot be read")

// An avcC has room for 31 SPS and 255 PPS of 64 KiB; what is sane is less.
const (
	maxParamSets     = 64
	maxParamSetBytes = 4096
)

// put takes a parameter set in and reports whether it is new to a decoder: one
// that repeats what is known, or differs only in what a decoder ignores, is not.
func (s *paramSets) put(nal []byte) (news bool, err error) {
	nal = bytes.TrimRight(nal, "\x00") // trailing_zero_8bits; a set ends with a 1 bit
	if len(nal) < 3 || len(nal) > maxParamSetBytes {
		return false, errParamSet
	}
	for i := range s.slots {
		if p := &s.slots[i]; bytes.Equal(p.nal, nal) || bytes.Equal(p.alias, nal) {
			return false, nil
		}
	}
	kind, id, ok := paramSetID(s.codec, nal)
	if !ok || !readable(s.codec, kind, nal) {
		return false, errParamSet
	}
	i, found := slices.BinarySearchFunc(s.slots, paramSet{kind: kind, id: id}, comparePlace)
	switch {
	case found && equivalent(s.codec, kind, s.slots[i].nal, nal):
		s.slots[i].alias = bytes.Clone(nal)
		return false, nil
	case found:
		s.slots[i] = paramSet{kind: kind, id: id, nal: bytes.Clone(nal)}
	case len(s.slots) >= maxParamSets:
		return false, errParamSet
	default:
		s.slots = slices.Insert(s.slots, i, paramSet{kind: kind, id: id, nal: bytes.Clone(nal)})
	}
	s.changed = true
	return true, nil
}

// comparePlace sorts as media.Track wants them: H.264 SPS (7), PPS (8); H.265
// VPS (32), SPS (33), PPS (34).
func comparePlace(a, b paramSet) int {
	if a.kind != b.kind {
		return int(a.kind) - int(b.kind)
	}
	return int(a.id) - int(b.id)
}

// first is the set of a kind with the lowest id, nil where there is none.
func (s *paramSets) first(kind uint8) []byte {
	for i := range s.slots {
		if s.slots[i].kind == kind {
			return s.slots[i].nal
		}
	}
	return nil
}

// list is every set, for a track that may keep it.
func (s *paramSets) list() [][]byte {
	out := make([][]byte, len(s.slots))
	for i := range s.slots {
		out[i] = s.slots[i].nal
	}
	return out
}

// complete reports whether a decoder has what it needs to start.
func (s *paramSets) complete() bool {
	if s.codec == media.H265 {
		return s.first(nalVPS) != nil && s.first(nalSPS265) != nil && s.first(nalPPS265) != nil
	}
	return s.first(nalSPS264) != nil && s.first(nalPPS264) != nil
}
