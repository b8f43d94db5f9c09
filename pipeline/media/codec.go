package media

import "fmt"

// Codec identifies the coding of a track. It is a small number, given out by
// RegisterCodec and good for this process only: what is stored is the name. What a
// codec is, package codec knows; here stands what chunks and tracks need of it.
type Codec uint8

// Kind tells pictures from sound.
type Kind uint8

// The kinds of track.
const (
	Video Kind = iota + 1
	Audio
)

// CodecTraits are the properties of a codec that decide how its access units are
// kept.
type CodecTraits struct {
	Name string // lower case, as configuration and API spell it
	Kind Kind
	// NAL: an access unit is a list of NAL units, stored with 4-byte lengths
	// (ISO/IEC 14496-15, 4.3.2).
	NAL bool
	// AlwaysSync: a decoder can start at every access unit.
	AlwaysSync bool
	// ParameterSets: a decoder needs some before the first access unit.
	ParameterSets bool
}

// codecs are the traits by number. They are written while packages are initialised
// and only read from then on.
var (
	codecs [256]CodecTraits
	known  Codec // the highest number that was given out
)

// RegisterCodec gives a codec its number. It is for the initialisation of packages;
// a name that is taken, or a codec of no kind, is a mistake of the program.
func RegisterCodec(t CodecTraits) Codec {
	if t.Name == "" || t.Kind != Video && t.Kind != Audio || int(known) == len(codecs)-1 {
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

// String is the codec's lower-case name, as configuration and API spell it.
func (c Codec) String() string {
	if !c.Known() {
		return fmt.Sprintf("codec(%d)", uint8(c))
	}
	return codecs[c].Name
}

// Kind tells whether the codec carries pictures or sound; zero if unknown.
func (c Codec) Kind() Kind { return codecs[c].Kind }

// NAL reports whether an access unit of the codec is a list of NAL units.
func (c Codec) NAL() bool { return codecs[c].NAL }

// AlwaysSync reports whether a decoder can start at every access unit.
func (c Codec) AlwaysSync() bool { return codecs[c].AlwaysSync }

// String is "video" or "audio".
func (k Kind) String() string {
	switch k {
	case Video:
		return "video"
	case Audio:
		return "audio"
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}
