package codec

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/gospool/spool/pipeline/codec/nalunit"
	"github.com/gospool/spool/pipeline/media"
)

// Codec holds the functions and properties of one codec. The file of a codec registers it; other code looks it
// up in this package.
type Codec struct {
	ID                media.Codec // assigned by Register
	media.CodecTraits             // Register derives NAL and AlwaysSync from the other fields
	Title             string      // name in texts for users

	// NAL holds the functions for NAL units. It is nil for a codec whose access units are frames.
	NAL *nalunit.Syntax
	// Sync reports whether a decoder can start at a frame. It is nil if a decoder can start at each frame, and
	// for a codec with NAL units.
	Sync func(frame []byte) bool

	// FromFrame completes a track that has a codec and a timescale from a sync sample. It is nil for a codec whose
	// frames do not describe the track. The result may share the memory of the frame. FromFrame leaves the track as it
	// is if this frame has no description.
	FromFrame func(frame []byte, t *media.Track) error

	// Depth returns the number of access units of a track that at most precede, in decoding order, one that is shown
	// before them. It is nil if there are none, and for a codec with NAL units.
	Depth func(t *media.Track) int

	// RollDistance is negative if a decoder that starts at a sync sample must decode access units before it: -1
	// for one access unit (roll_distance of ISO/IEC 14496-12, 10.1). It is 0 if there is no need to.
	RollDistance int16
	// MayBeZeros reports that all bytes of an access unit may be zero, as for PCM, so that zeros in a file are
	// no sign of damage.
	MayBeZeros bool
	// FrameBytes returns the size in bytes of one sample of all channels of a track. An access unit has any number of
	// them. It is nil for a codec that is not uncompressed sound.
	FrameBytes func(t *media.Track) int
	// Brand is the brand that a file with a track of the codec lists in ftyp; empty if the codec has no brand.
	Brand string
	// MIME returns a track's codecs parameter (RFC 6381).
	MIME func(t *media.Track) string
	// Entry reads and writes the codec's sample entry.
	Entry SampleEntry

	// standalone returns the implementation of Standalone.Picture for a track. It is nil if a decoder can decode
	// each sync sample alone and unchanged.
	standalone func(t *media.Track) func(au []byte) (alone []byte, ok bool)

	// Describe completes the track t from its timescale and parameter sets, and from the fields that a protocol or
	// a file has set. The result may share the memory of the parameter sets.
	Describe func(t *media.Track) error
}

// codecs holds the codecs by number. Only the initialisation of packages writes it.
var codecs = make([]*Codec, 1)

// Register adds a codec and returns its number. A package calls it while it is initialised. It panics on a name
// that is registered already.
func Register(c Codec) media.Codec {
	c.CodecTraits.NAL, c.AlwaysSync = c.NAL != nil, c.NAL == nil && c.Sync == nil
	c.ID = media.RegisterCodec(c.CodecTraits)
	for len(codecs) <= int(c.ID) {
		codecs = append(codecs, nil)
	}
	codecs[c.ID] = &c
	return c.ID
}

// Of returns the codec with a number, or nil if no codec has it.
func Of(id media.Codec) *Codec {
	if int(id) >= len(codecs) {
		return nil
	}
	return codecs[id]
}

// All returns all registered codecs, in the order of their numbers.
func All() (all []*Codec) {
	for _, c := range codecs {
		if c != nil {
			all = append(all, c)
		}
	}
	return all
}

// Named returns the codec with a name, such as h264.
func Named(name string) (*Codec, error) {
	for _, c := range All() {
		if c.Name == name {
			return c, nil
		}
	}
	return nil, fmt.Errorf("unknown codec %q", name)
}

// Titles returns the titles of the codecs in the list of, in one text for users, pictures first. last is the
// word before the last title: with "and" the result is "H.264, H.265 and AAC". If the list is nil, Titles uses
// all registered codecs.
func Titles(last string, of ...*Codec) string {
	if of == nil {
		of = All()
	}
	of = slices.Clone(of)
	slices.SortStableFunc(of, func(a, b *Codec) int { return cmp.Compare(a.Kind, b.Kind) })
	var text strings.Builder
	for i, c := range of {
		switch {
		case i > 0 && i == len(of)-1:
			text.WriteString(" " + last + " ")
		case i > 0:
			text.WriteString(", ")
		}
		text.WriteString(cmp.Or(c.Title, c.Name))
	}
	return text.String()
}

// Describe returns a track with a codec, a timescale and parameter sets, completed from the parameter sets. The
// track shares the memory of sets.
func Describe(id media.Codec, timescale uint32, sets [][]byte) (media.Track, error) {
	t := media.Track{Codec: id, Timescale: timescale, ParameterSets: sets}
	return t, Complete(&t)
}

// Complete sets the fields of a track that the codec derives from the timescale, the parameter sets and the
// fields that a protocol or a file has set: see Codec.Describe. It returns an error if the codec is not
// registered or the parameter sets cannot be read.
func Complete(t *media.Track) error {
	c := Of(t.Codec)
	if c == nil {
		return fmt.Errorf("unknown codec %d", t.Codec)
	}
	return c.Describe(t)
}
