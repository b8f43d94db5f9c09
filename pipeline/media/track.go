package media

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
)

// Track describes one elementary stream. A Track in a TrackSet is immutable.
type Track struct {
	Codec     Codec
	Timescale uint32 // ticks per second; 90000 or the source's own for video, the sample rate for audio

	// ParameterSets are the sets that a decoder needs before the first access unit, in the order that the codec
	// demands. NAL units have no start code and no length. It is empty for a codec without parameter sets.
	ParameterSets [][]byte

	Width, Height int // size of the shown picture in pixels, after cropping; video only

	SampleRate, Channels int    // audio only
	FrameDurationTicks   uint32 // duration of each access unit if the codec fixes it, else 0

	Language string // ISO 639-2/T code; empty means und
}

// Kind returns Video, Audio or Metadata.
func (t *Track) Kind() Kind { return t.Codec.Kind() }

// Validate returns an error if a field that a file needs is missing or out of range.
func (t *Track) Validate() error {
	switch {
	case !t.Codec.Known():
		return fmt.Errorf("unknown codec %d", t.Codec)
	case t.Timescale == 0:
		return fmt.Errorf("%s: timescale is 0", t.Codec)
	case len(t.ParameterSets) == 0 && codecs[t.Codec].ParameterSets:
		return fmt.Errorf("%s: no parameter sets", t.Codec)
	case t.Kind() == Video && (t.Width <= 0 || t.Height <= 0 || t.Width > 65535 || t.Height > 65535):
		return fmt.Errorf("%s: picture size %dx%d cannot be stored", t.Codec, t.Width, t.Height)
	case t.Kind() == Audio && (t.SampleRate <= 0 || t.Channels <= 0):
		return fmt.Errorf("%s: %d Hz, %d channels cannot be stored", t.Codec, t.SampleRate, t.Channels)
	}
	return nil
}

// Equal reports whether two tracks are alike in all fields.
func (t *Track) Equal(o *Track) bool {
	return t.Codec == o.Codec && t.Timescale == o.Timescale &&
		t.Width == o.Width && t.Height == o.Height &&
		t.SampleRate == o.SampleRate && t.Channels == o.Channels &&
		t.FrameDurationTicks == o.FrameDurationTicks && t.Language == o.Language &&
		slices.EqualFunc(t.ParameterSets, o.ParameterSets, bytes.Equal)
}

// TrackSet is an immutable, numbered list of tracks. Every change of a
// stream's tracks makes a new set with the next generation.
type TrackSet struct {
	Generation uint64
	Tracks     []Track
	Speed      uint32 // factor by which media time runs faster than the wall clock, for a time-lapse; 0 means 1
	lead       int
}

// LifeNS converts a duration in media time, ns, to the wall clock: it multiplies by Speed.
func (s *TrackSet) LifeNS(ns int64) int64 { return ns * int64(max(s.Speed, 1)) }

// ErrNoTracks is the error of NewTrackSet for an empty list.
var ErrNoTracks = errors.New("no tracks")

// NewTrackSet validates the tracks and returns an immutable set. It copies the tracks and their parameter sets.
func NewTrackSet(generation uint64, tracks []Track) (*TrackSet, error) {
	if len(tracks) == 0 {
		return nil, ErrNoTracks
	}
	s := &TrackSet{Generation: generation, Tracks: make([]Track, len(tracks))}
	for i := range tracks {
		if err := tracks[i].Validate(); err != nil {
			return nil, fmt.Errorf("track %d: %w", i+1, err)
		}
		s.Tracks[i] = tracks[i]
		s.Tracks[i].ParameterSets = cloneAll(tracks[i].ParameterSets)
	}
	s.lead = LeadOf(len(tracks), func(i int) Kind { return tracks[i].Kind() })
	return s, nil
}

// Lead returns the index of the lead track: see LeadOf.
func (s *TrackSet) Lead() int { return s.lead }

// Aside reports whether a track is metadata beside the lead track. It neither ends chunks nor corrects times of other
// tracks, and its silence is no gap.
func (s *TrackSet) Aside(track int) bool {
	return track != s.lead && s.Tracks[track].Kind() == Metadata
}

// Same reports whether both sets describe the same tracks. It ignores Generation and Speed.
func (s *TrackSet) Same(o *TrackSet) bool {
	return s == o || s != nil && o != nil &&
		slices.EqualFunc(s.Tracks, o.Tracks, func(a, b Track) bool { return a.Equal(&b) })
}

func cloneAll(in [][]byte) [][]byte {
	out := make([][]byte, len(in))
	for i := range in {
		out[i] = bytes.Clone(in[i])
	}
	return out
}
