package media

import "fmt"

// Codec identifies the coding of a track. RegisterCodec assigns the number, which is valid in this process
// only; files and rows store the codec's name. Package codec implements the codecs; this package holds only the
// traits that chunks and tracks need.
type Codec uint8

// Kind distinguishes pictures, sound and metadata.
type Kind uint8

// The kinds of track.
const (
	Video Kind = iota + 1
	Audio
	// Metadata is data about the other tracks. A track of it may have no unit for hours.
	Metadata
)

// CodecTraits are the properties of a codec that decide how its access units are stored.
type CodecTraits struct {
	Name string // lower case, as in configuration and API
	Kind Kind
	// NAL: an access unit is a list of NAL units, stored with 4-byte lengths
	// (ISO/IEC 14496-15, 4.3.2).
	NAL bool
	// AlwaysSync: a decoder can start at every access unit.
	AlwaysSync bool
	// ParameterSets: a decoder needs parameter sets before the first access unit.
	ParameterSets bool
}

// codecs holds the traits by number. It is written while packages are initialised, and read-only
// from then on.
var (
	codecs [256]CodecTraits
	known  Codec // the highest assigned number
)

// RegisterCodec assigns a number to a codec and returns it. Only initialisation of packages may call it. It
// panics if the name is empty or registered already, if the kind is unknown, or if no number is left.
func RegisterCodec(t CodecTraits) Codec {
	if t.Name == "" || t.Kind < Video || t.Kind > Metadata || int(known) == len(codecs)-1 {
		panic(fmt.Sprintf("media: codec %q of %s cannot be registered", t.Name, t.Kind))
	}
	for c := Codec(1); c <= known; c++ {
		if codecs[c].Name == t.Name {
			panic(fmt.Sprintf("media: codec %q is registered twice", t.Name))
		}
	}
	known++
	codecs[known] = t
	return known
}

// Known reports whether the codec was registered.
func (c Codec) Known() bool { return codecs[c].Kind != 0 }

// String returns the codec's lower-case name, as in configuration and API.
func (c Codec) String() string {
	if !c.Known() {
		return fmt.Sprintf("codec(%d)", uint8(c))
	}
	return codecs[c].Name
}

// Kind returns Video, Audio or Metadata, and 0 if the codec is not registered.
func (c Codec) Kind() Kind { return codecs[c].Kind }

// NAL reports whether an access unit of the codec is a list of NAL units.
func (c Codec) NAL() bool { return codecs[c].NAL }

// AlwaysSync reports whether a decoder can start at every access unit.
func (c Codec) AlwaysSync() bool { return codecs[c].AlwaysSync }

// String returns "video", "audio" or "metadata".
func (k Kind) String() string {
	switch k {
	case Video:
		return "video"
	case Audio:
		return "audio"
	case Metadata:
		return "metadata"
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// KindNamed returns the kind that String gives a name, or 0.
func KindNamed(name string) Kind {
	for k := Video; k <= Metadata; k++ {
		if k.String() == name {
			return k
		}
	}
	return 0
}

// LeadOf returns the index of the lead track of n tracks: the first video track, or else the first track of sound, or
// else 0. kind returns the kind of a track.
func LeadOf(n int, kind func(i int) Kind) int {
	for _, want := range [...]Kind{Video, Audio} {
		for i := range n {
			if kind(i) == want {
				return i
			}
		}
	}
	return 0
}
