package media

import "fmt"

// Codec names the coding of a track. A new one is added here, in the table
// below, in the muxer's sample entries and in the ingest that can carry it.
type Codec uint8

// The codecs that can be recorded.
const (
	H264 Codec = iota + 1 // ISO/IEC 14496-10, stored as avc1
	H265                  // ISO/IEC 23008-2, stored as hvc1
	AAC                   // ISO/IEC 14496-3, stored as mp4a
)

// Kind tells pictures from sound.
type Kind uint8

// The kinds of track.
const (
	Video Kind = iota + 1
	Audio
)

var codecs = [...]struct {
	name string
	kind Kind
	// nal: an access unit is a list of NAL units, stored with 4-byte lengths
	// (ISO/IEC 14496-15, 4.3.2).
	nal bool
}{
	H264: {"h264", Video, true},
	H265: {"h265", Video, true},
	AAC:  {"aac", Audio, false},
}

// Known reports whether the codec is one of the table's.
func (c Codec) Known() bool { return c > 0 && int(c) < len(codecs) }

// Codecs lists every codec that can be recorded.
func Codecs() (all []Codec) {
	for c := range codecs {
		if c > 0 {
			all = append(all, Codec(c))
		}
	}
	return all
}

// String is the codec's lower-case name, as configuration and API spell it.
func (c Codec) String() string {
	if !c.Known() {
		return fmt.Sprintf("codec(%d)", uint8(c))
	}
	return codecs[c].name
}

// Kind tells whether the codec carries pictures or sound; zero if unknown.
func (c Codec) Kind() Kind {
	if !c.Known() {
		return 0
	}
	return codecs[c].kind
}

// NAL reports whether an access unit of the codec is a list of NAL units.
func (c Codec) NAL() bool { return c.Known() && codecs[c].nal }

// ParseCodec is the inverse of Codec.String.
func ParseCodec(name string) (Codec, error) {
	for c := range codecs {
		if c > 0 && codecs[c].name == name {
			return Codec(c), nil
		}
	}
	return 0, fmt.Errorf("unknown codec %q", name)
}

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
