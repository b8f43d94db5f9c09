package ingest

import (
	"bytes"
	"cmp"
	"errors"
	"slices"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/codec/nalunit"
	"github.com/gospool/spool/pipeline/media"
)

// paramSets holds the parameter sets of one video track, by kind and ID. A set replaces an earlier one with the
// same ID.
//
// The description of the track contains the sets to which its key frame refers. An encoder may use a new ID for
// each change of its pictures, and may repeat old sets for ever. So unused sets are left out of the description,
// and beyond maxParamSets the least recent one is dropped.
type paramSets struct {
	coding media.Codec
	nal    *nalunit.Syntax
	slots  []paramSet // sorted by kind, then ID
	unit   int64      // number of the current access unit, from 1; sets known before the first unit have 0
	key    int64      // number of the newest access unit that is a key frame; 0: none
	fresh  bool       // a PPS arrived with the current unit
	list   [][]byte   // sets of the track's description
}

type paramSet struct {
	nalunit.SetName
	nal []byte
	// alias is the newest set that differs from nal in bytes but is equal to it for a decoder.
	alias []byte

	sent, used int64 // numbers of the newest unit that carried the set, and of the newest that refers to it; -1: none
	described  bool  // part of the track's description
	inStream   bool  // a unit after the description carried a set of its kind and ID
	given      bool  // a decoder that began at the newest key frame, or before, has the set
}

// errParamSet is the error of a parameter set that cannot be read.
var errParamSet = errors.New("parameter set cannot be read")

// The bounds of a track's parameter sets, and of the bytes of each. An avcC has room for 31 SPS and 255 PPS of 64 KiB
// each, but real streams use far fewer and smaller ones.
const (
	maxParamSets     = 64
	maxParamSetBytes = 4096
)

// next begins an access unit, which put, refer and give then call the current unit.
func (s *paramSets) next() { s.unit, s.fresh = s.unit+1, false }

// put stores a copy of a parameter set. news reports whether a decoder needs it: a set that repeats a known one, or
// differs from it only in bits that a decoder ignores, is not new. The error is errParamSet.
func (s *paramSets) put(nal []byte) (news bool, err error) {
	nal = bytes.TrimRight(nal, "\x00") // these are trailing_zero_8bits: a set ends with a 1 bit
	if len(nal) < 3 || len(nal) > maxParamSetBytes {
		return false, errParamSet
	}
	for i := range s.slots {
		if p := &s.slots[i]; bytes.Equal(p.nal, nal) || bytes.Equal(p.alias, nal) {
			s.came(p)
			return false, nil
		}
	}
	name, ok := s.nal.SetName(nal)
	if !ok || !s.nal.Readable(name.Kind, nal) {
		return false, errParamSet
	}
	i, found := s.find(name.Kind, name.ID)
	switch {
	case found && s.nal.Equivalent(name.Kind, s.slots[i].nal, nal):
		s.slots[i].alias = bytes.Clone(nal)
		s.came(&s.slots[i])
		return false, nil
	case found:
		s.slots[i] = s.made(name, nal, s.slots[i].inStream)
		s.outdate(name)
	default:
		if len(s.slots) >= maxParamSets {
			s.forget()
			i, _ = s.find(name.Kind, name.ID)
		}
		s.slots = slices.Insert(s.slots, i, s.made(name, nal, false))
	}
	s.came(&s.slots[i])
	return true, nil
}

func (s *paramSets) made(name nalunit.SetName, nal []byte, inStream bool) paramSet {
	described := slices.ContainsFunc(s.list, func(d []byte) bool { return bytes.Equal(d, nal) })
	return paramSet{SetName: name, nal: bytes.Clone(nal), used: -1, described: described, inStream: inStream}
}

func (s *paramSets) came(p *paramSet) {
	p.sent = s.unit
	s.fresh = s.fresh || p.Kind == s.nal.Sets.PPS
}

// outdate is called after a new set has replaced the set with the same kind and ID, name, and differs from it. If
// that is an SPS, outdate forgets when the PPS that refer to it were sent and used, except the PPS that arrived
// with the new SPS.
func (s *paramSets) outdate(name nalunit.SetName) {
	for i := range s.slots {
		p := &s.slots[i]
		if name.Kind == s.nal.Sets.SPS && p.Kind == s.nal.Sets.PPS && p.Refers == name.ID && p.sent != s.unit {
			p.sent, p.used = -1, -1
		}
	}
}

// forget drops the parameter set that was neither sent nor used for the longest time, to make room for a new one.
func (s *paramSets) forget() {
	last := func(p paramSet) int64 { return max(p.sent, p.used) }
	oldest := slices.MinFunc(s.slots, func(a, b paramSet) int { return cmp.Compare(last(a), last(b)) })
	i, _ := s.find(oldest.Kind, oldest.ID)
	s.slots = slices.Delete(s.slots, i, i+1)
}

// refer records that a picture of the current unit refers to the PPS with the ID pps, and so to an SPS, and in H.265 to
// a VPS. It reports whether all of these sets are known.
func (s *paramSets) refer(pps uint32) bool {
	k := &s.nal.Sets
	p := s.get(k.PPS, pps)
	if p == nil {
		return false
	}
	sps := s.get(k.SPS, p.Refers)
	if sps == nil {
		return false
	}
	if k.VPS != 0 {
		vps := s.get(k.VPS, sps.Refers)
		if vps == nil {
			return false
		}
		vps.used = s.unit
	}
	p.used, sps.used = s.unit, s.unit
	return true
}

// referAny records a reference to the first PPS whose SPS (and VPS) is known, and reports whether such a PPS exists. It
// stands in for refer if no header of a slice could be read.
func (s *paramSets) referAny() bool {
	for i := range s.slots {
		if p := &s.slots[i]; p.Kind == s.nal.Sets.PPS && s.refer(p.ID) {
			return true
		}
	}
	return false
}

// inUse returns the parameter set of a kind, such as the SPS, to which the current unit refers. It returns nil if
// the unit refers to none.
func (s *paramSets) inUse(kind uint8) []byte {
	for i := range s.slots {
		if p := &s.slots[i]; p.Kind == kind && p.used == s.unit {
			return p.nal
		}
	}
	return nil
}

// wanted reports whether the track's description must contain set p if the current unit, a key frame, begins a file. It
// must contain the sets to which the key frame refers, and the PPS of the same SPS to which later pictures probably
// refer. These are:
//
//   - every PPS that arrived with the key frame, and at the track's first key frame also every earlier PPS
//   - if PPS arrived with the key frame: every other PPS that was used, but did not arrive, since the key frame before
//   - if none arrived: every PPS that arrived or was used since the key frame before
func (s *paramSets) wanted(p *paramSet) bool {
	if p.used == s.unit {
		return true
	}
	if p.Kind != s.nal.Sets.PPS {
		return false
	}
	if sps := s.get(s.nal.Sets.SPS, p.Refers); sps == nil || sps.used != s.unit {
		return false
	}
	switch {
	case p.sent == s.unit, s.key == 0 && p.sent >= 0:
		return true
	case s.fresh:
		return p.used >= s.key && p.sent < s.key
	}
	return max(p.sent, p.used) >= s.key
}

// described reports whether the track's description contains every set that it must contain at the current key
// frame (see wanted).
func (s *paramSets) described() bool {
	for i := range s.slots {
		if p := &s.slots[i]; !p.described && s.wanted(p) {
			return false
		}
	}
	return true
}

// choose returns the sets of a new description, in the order of media.Track, and marks them as described. The caller
// does not change the slices.
func (s *paramSets) choose() [][]byte {
	s.list = nil
	for i := range s.slots {
		p := &s.slots[i]
		p.described, p.inStream = s.wanted(p), false
		if p.given = p.described; p.described {
			s.list = append(s.list, p.nal)
		}
	}
	return s.list
}

// give returns the sets that the current unit must carry in the stream, or nil. These are the sets to which the unit
// refers and which are unknown to a decoder that plays on, or to a decoder that began at the newest key frame. With a new
// SPS come the PPS that refer to it, although they are the same: some decoders forget them. key reports whether the unit is
// a key frame.
func (s *paramSets) give(key bool) (carry [][]byte) {
	if key {
		s.key = s.unit
		unknown := false
		for i := range s.slots {
			p := &s.slots[i]
			p.given = p.described && !p.inStream
			unknown = unknown || !p.given && p.used == s.unit && p.Kind != s.nal.Sets.PPS
		}
		for i := range s.slots {
			s.slots[i].given = s.slots[i].given && !unknown
		}
	}
	for i := range s.slots {
		p := &s.slots[i]
		if p.given || p.used != s.unit || !key && p.Kind != s.nal.Sets.PPS { // a new SPS begins at a key frame
			continue
		}
		p.given, p.inStream = true, true
		carry = append(carry, p.nal)
	}
	return carry
}

// find returns the index of a set in slots, or, with found false, the index at which to insert it. The order of
// slots is by kind, then by ID, as in media.Track.
func (s *paramSets) find(kind uint8, id uint32) (i int, found bool) {
	return slices.BinarySearchFunc(s.slots, nalunit.SetName{Kind: kind, ID: id}, func(p paramSet, n nalunit.SetName) int {
		return cmp.Or(cmp.Compare(p.Kind, n.Kind), cmp.Compare(p.ID, n.ID))
	})
}

func (s *paramSets) get(kind uint8, id uint32) *paramSet {
	if i, found := s.find(kind, id); found {
		return &s.slots[i]
	}
	return nil
}

// description describes a track while its parameter sets stay the same: the track as the feed publishes it, and the
// properties of its pictures.
type description struct {
	track media.Track
	nalunit.Picture
}

// describe returns the description of a video track, made from the sets that are wanted at the current unit.
func (s *paramSets) describe(timescale uint32) *description {
	d := &description{}
	d.track, _ = codec.Describe(s.coding, timescale, s.choose()) // no error: the sets could be read before
	d.Picture, _ = s.nal.Picture(s.inUse(s.nal.Sets.SPS))
	return d
}

// describeFrames returns the description of a track of a codec without NAL units, made from its parameter sets. The
// error says why the sets are wrong.
func describeFrames(c *TrackConfig, sets [][]byte) (*description, error) {
	d := &description{track: media.Track{
		Codec: c.Codec, Timescale: c.Timescale, ParameterSets: sets,
		Width: c.Width, Height: c.Height, SampleRate: c.SampleRate, Channels: c.Channels,
	}}
	err := codec.Complete(&d.track)
	if err == nil {
		d.setDepth()
	}
	return d, err
}

// setDepth sets the depth of a track of a codec without NAL units.
func (d *description) setDepth() {
	if depth := codec.Of(d.track.Codec).Depth; depth != nil {
		d.Depth = depth(&d.track)
	}
}
