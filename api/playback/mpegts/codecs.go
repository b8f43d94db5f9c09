package mpegts

import (
	"errors"
	"fmt"

	"github.com/asticode/go-astits"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/codec/adts"
	"github.com/gospool/spool/pipeline/codec/mpeg4visual"
	"github.com/gospool/spool/pipeline/media"
)

// form is the way in which a transport stream has the samples of one description of a track.
type form struct {
	stream      astits.StreamType
	descriptors []*astits.Descriptor
	// append appends the bytes of a PES packet for a sample.
	append func(out, sample []byte, sync bool) ([]byte, error)
}

// forms is the table of the codecs. A codec without a row is left out.
var forms = map[media.Codec]func(t *media.Track) (*form, error){
	codec.H264:  func(t *media.Track) (*form, error) { return annexB(t, astits.StreamTypeH264Video, delimiter264), nil },
	codec.H265:  func(t *media.Track) (*form, error) { return annexB(t, astits.StreamTypeH265Video, delimiter265), nil },
	codec.MPEG4: visual,
	codec.AAC:   withADTS,
	codec.MP3:   layered,
	codec.AC3:   func(*media.Track) (*form, error) { return registered(astits.StreamTypeAC3Audio, "AC-3"), nil },
	codec.EAC3:  func(*media.Track) (*form, error) { return registered(astits.StreamTypeEAC3Audio, "EAC3"), nil },
	codec.Opus:  opus,
}

// Access unit delimiters that allow pictures of any kind.
var (
	delimiter264 = []byte{0x09, 0xf0}       // ITU-T H.264, 7.3.2.4
	delimiter265 = []byte{0x46, 0x01, 0x50} // ITU-T H.265, 7.3.2.5
)

var errNotCarried = errors.New("MPEG-TS has no form for it")

// formOf returns the form of a sample entry. The name of its codec is for texts.
func formOf(entry []byte, timescale uint32) (f *form, name string, err error) {
	t, err := codec.ReadSampleEntry(append(make([]byte, 8), entry...), timescale)
	if err != nil {
		return nil, fmt.Sprintf("%.4q", entry[4:8]), err
	}
	describe, known := forms[t.Codec]
	if !known {
		return nil, t.Codec.String(), errNotCarried
	}
	f, err = describe(&t)
	return f, t.Codec.String(), err
}

// plain appends a sample as it is.
func plain(out, sample []byte, _ bool) ([]byte, error) { return append(out, sample...), nil }

// visual is the form of MPEG-4 part 2: a key frame has the headers before it.
func visual(t *media.Track) (*form, error) {
	return &form{stream: astits.StreamTypeMPEG4Video, append: func(out, sample []byte, sync bool) ([]byte, error) {
		if sync && mpeg4visual.Headers(sample) == nil {
			out = append(out, t.ParameterSets[0]...)
		}
		return append(out, sample...), nil
	}}, nil
}

// withADTS is the form of AAC.
func withADTS(t *media.Track) (*form, error) {
	head, err := adts.HeaderOf(t.ParameterSets[0])
	if err != nil {
		return nil, err
	}
	return &form{stream: astits.StreamTypeAACAudio, append: func(out, sample []byte, _ bool) ([]byte, error) {
		out, err := head.Append(out, len(sample))
		return append(out, sample...), err
	}}, nil
}

// layered is the form of MP3.
func layered(t *media.Track) (*form, error) {
	f := &form{stream: astits.StreamTypeMPEG1Audio, append: plain}
	if head, err := codec.ReadMP3Frame(t.ParameterSets[0]); err != nil {
		return nil, err
	} else if head.Version > 1 {
		f.stream = astits.StreamTypeMPEG2Audio
	}
	return f, nil
}

// registered is the form of a codec whose frames need no header. Its stream type is that of ATSC; a registration descriptor has the name.
func registered(stream astits.StreamType, name string) *form {
	return &form{stream: stream, descriptors: []*astits.Descriptor{registration(name)}, append: plain}
}

// registration returns a registration_descriptor (ISO/IEC 13818-1, 2.6.8). The library computes the length, unless it is 0.
func registration(name string) *astits.Descriptor {
	id := uint32(name[0])<<24 | uint32(name[1])<<16 | uint32(name[2])<<8 | uint32(name[3])
	return &astits.Descriptor{Tag: astits.DescriptorTagRegistration, Length: 4, Registration: &astits.DescriptorRegistration{FormatIdentifier: id}}
}

// opus is the form of Opus ("Encapsulation of Opus in MPEG-TS", ETSI TS 101 154 draft): a control header before each packet.
func opus(t *media.Track) (*form, error) {
	set := t.ParameterSets[0]
	if family := set[10]; family > 1 || t.Channels > 8 {
		return nil, fmt.Errorf("%d channels in mapping family %d", t.Channels, family)
	}
	channels := []byte{byte(t.Channels)} // channel_config_code
	return &form{stream: astits.StreamTypePrivateData, descriptors: []*astits.Descriptor{
		registration("Opus"),
		{Tag: astits.DescriptorTagExtension, Length: 2, Extension: &astits.DescriptorExtension{Tag: 0x80, Unknown: &channels}},
	}, append: func(out, sample []byte, _ bool) ([]byte, error) {
		out = append(out, 0x7f, 0xe0)
		n := len(sample)
		for ; n >= 0xff; n -= 0xff {
			out = append(out, 0xff)
		}
		return append(append(out, byte(n)), sample...), nil
	}}, nil
}
