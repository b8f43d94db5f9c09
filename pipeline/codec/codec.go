package codec

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/gospool/spool/pipeline/media"
)

// Codec is all that the program knows of one coding of pictures or sound. Each has a
// file of its own, which makes it and registers it; other code looks it up here.
type Codec struct {
	ID                media.Codec // given by Register
	media.CodecTraits             // Register derives NAL and AlwaysSync from the other fields
	Title             string      // as people write it

	// NAL reads NAL units, where access units are lists of them; nil: an access unit is
	// one frame.
	NAL *NAL
	// Sync reports whether a decoder can start at a frame. Nil where it can start at
	// every one, or NAL units tell.
	Sync func(frame []byte) bool

	// RollDistance is how many access units a decoder that starts at one has to decode
	// before it, negative (ISO/IEC 14496-12, 10.1); 0: none.
	RollDistance int16
	// MayBeZeros says that an access unit may be all zeros, as one of PCM: in a file they
	// are no sign of damage.
	MayBeZeros bool
	// Brand is the one that a file with a track of the codec bears; empty: none.
	Brand string
	// MIME is the track's codecs parameter (RFC 6381).
	MIME  func(t *media.Track) string
	Entry SampleEntry

	// standalone takes pictures out of a track, as Standalone says. Nil: sync samples
	// stand alone as they are.
	standalone func(t *media.Track) func(au []byte) (alone []byte, ok bool)

	// Describe completes a track that has a timescale and parameter sets, and what else
	// a protocol or a file said of it. Its memory may be that of the arguments'.
	Describe func(t *media.Track) error
}

// codecs are the codecs by number. They are written while packages are initialised
// and only read from then on.
var codecs = make([]*Codec, 1)

// Register makes a codec known, from the initialisation of the package that has it.
// A name that is taken is a mistake of the program.
func Register(c Codec) media.Codec {
	c.CodecTraits.NAL, c.AlwaysSync = c.NAL != nil, c.NAL == nil && c.Sync == nil
	c.ID = media.RegisterCodec(c.CodecTraits)
	for len(codecs) <= int(c.ID) {
		codecs = append(codecs, nil)
	}
	codecs[c.ID] = &c
	return c.ID
}

// Of returns the codec of a number; nil where none has it.
func Of(id media.Codec) *Codec {
	if int(id) >= len(codecs) {
		return nil
	}
	return codecs[id]
}

// All lists every codec that can be recorded.
func All() (all []*Codec) {
	for _, c := range codecs {
		if c != nil {
			all = append(all, c)
		}
	}
	return all
}

// Named returns the codec of a name, as media.Codec.String gives it.
func Named(name string) (*Codec, error) {
	for _, c := range All() {
		if c.Name == name {
			return c, nil
		}
	}
	return nil, fmt.Errorf("unknown codec %q", name)
}

// Titles lists the codecs as people write them, pictures first: "H.264, H.265 and AAC".
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

// Describe makes the description of a track of a codec by its parameter sets, which
// become the track's.
func Describe(id media.Codec, timescale uint32, sets [][]byte) (media.Track, error) {
	t := media.Track{Codec: id, Timescale: timescale, ParameterSets: sets}
	return t, Complete(&t)
}

// Complete completes a track by its parameter sets, where a protocol or a file said
// more of it than these do.
func Complete(t *media.Track) error {
	c := Of(t.Codec)
	if c == nil {
		return fmt.Errorf("unknown codec %d", t.Codec)
	}
	return c.Describe(t)
}
