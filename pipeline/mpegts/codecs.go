package mpegts

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/codec/adts"
	"github.com/gospool/spool/pipeline/codec/mpeg4visual"
	"github.com/gospool/spool/pipeline/media"
)

// Form is the way in which a transport stream carries the access units of one description of a track. It is immutable.
type Form struct {
	streamType  byte
	private     bool // the PES packets are of private_stream_1
	descriptors []byte
	// append appends the bytes of a PES packet for an access unit in mdat form.
	append func(out, unit []byte, sync bool) ([]byte, error)
}

// The values of stream_type (ISO/IEC 13818-1, table 2-34; ATSC A/53).
const (
	typeMPEG1Audio = 0x03
	typeMPEG2Audio = 0x04
	typePrivate    = 0x06
	typeADTS       = 0x0f
	typeMPEG4      = 0x10
	typeH264       = 0x1b
	typeH265       = 0x24
	typeAC3        = 0x81
	typeEAC3       = 0x87
)

// forms is the table of the codecs. A transport stream cannot carry a codec without a row.
var forms = map[media.Codec]func(t *media.Track) (*Form, error){
	codec.H264:  func(t *media.Track) (*Form, error) { return annexB(t, typeH264, delimiter264), nil },
	codec.H265:  func(t *media.Track) (*Form, error) { return annexB(t, typeH265, delimiter265), nil },
	codec.MPEG4: visual,
	codec.AAC:   withADTS,
	codec.MP3:   layered,
	codec.AC3:   func(*media.Track) (*Form, error) { return registered(typeAC3, "AC-3"), nil },
	codec.EAC3:  func(*media.Track) (*Form, error) { return registered(typeEAC3, "EAC3"), nil },
	codec.Opus:  opus,
	codec.KLV:   func(*media.Track) (*Form, error) { return registered(typePrivate, "KLVA"), nil },
}

// Carried is a list for users of the codecs that a transport stream can carry.
var Carried = func() string {
	var of []*codec.Codec
	for id := range forms {
		of = append(of, codec.Of(id))
	}
	slices.SortFunc(of, func(a, b *codec.Codec) int { return cmp.Compare(a.ID, b.ID) })
	return codec.Titles("and", of...)
}()

// Access unit delimiters that allow pictures of any kind.
var (
	delimiter264 = []byte{0x09, 0xf0}       // ITU-T H.264, 7.3.2.4
	delimiter265 = []byte{0x46, 0x01, 0x50} // ITU-T H.265, 7.3.2.5
)

// ErrNotCarried reports that a transport stream cannot carry a codec.
var ErrNotCarried = errors.New("MPEG-TS has no form for it")

// FormOf returns the form of a track's access units. The error, which may wrap ErrNotCarried, says why there is none. The
// form shares the memory of the parameter sets.
func FormOf(t *media.Track) (*Form, error) {
	describe, known := forms[t.Codec]
	if !known {
		return nil, ErrNotCarried
	}
	return describe(t)
}

// same reports whether two forms are alike in the PMT.
func (f *Form) same(o *Form) bool {
	return f.streamType == o.streamType && bytes.Equal(f.descriptors, o.descriptors)
}

// plain appends a unit as it is.
func plain(out, unit []byte, _ bool) ([]byte, error) { return append(out, unit...), nil }

// visual is the form of MPEG-4 part 2: a key frame has the headers before it.
func visual(t *media.Track) (*Form, error) {
	headers := t.ParameterSets[0]
	return &Form{streamType: typeMPEG4, append: func(out, unit []byte, sync bool) ([]byte, error) {
		if sync && mpeg4visual.Headers(unit) == nil {
			out = append(out, headers...)
		}
		return append(out, unit...), nil
	}}, nil
}

// withADTS is the form of AAC.
func withADTS(t *media.Track) (*Form, error) {
	head, err := adts.HeaderOf(t.ParameterSets[0])
	if err != nil {
		return nil, err
	}
	return &Form{streamType: typeADTS, append: func(out, unit []byte, _ bool) ([]byte, error) {
		out, err := head.Append(out, len(unit))
		return append(out, unit...), err
	}}, nil
}

// layered is the form of MPEG audio. Its stream_type tells MPEG-1 from MPEG-2.
func layered(t *media.Track) (*Form, error) {
	head, err := codec.ReadMP3Frame(t.ParameterSets[0])
	if err != nil {
		return nil, err
	}
	f := &Form{streamType: typeMPEG1Audio, append: plain}
	if head.Version > 1 {
		f.streamType = typeMPEG2Audio
	}
	return f, nil
}

// registered is the form of a codec whose units need no header. A registration descriptor has its name.
func registered(streamType byte, name string) *Form {
	return &Form{streamType: streamType, private: true, descriptors: registration(name), append: plain}
}

// registration returns a registration_descriptor (2.6.8).
func registration(name string) []byte { return append([]byte{0x05, byte(len(name))}, name...) }

// opus is the form of Opus ("Encapsulation of Opus in MPEG-TS", ETSI TS 101 154 draft): a control header before each
// packet. The second descriptor has channel_config_code.
func opus(t *media.Track) (*Form, error) {
	if family := t.ParameterSets[0][10]; family > 1 || t.Channels > 8 {
		return nil, fmt.Errorf("%d channels in mapping family %d", t.Channels, family)
	}
	f := registered(typePrivate, "Opus")
	f.descriptors = append(f.descriptors, 0x7f, 2, 0x80, byte(t.Channels))
	f.append = func(out, unit []byte, _ bool) ([]byte, error) {
		out = append(out, 0x7f, 0xe0)
		n := len(unit)
		for ; n >= 0xff; n -= 0xff {
			out = append(out, 0xff)
		}
		return append(append(out, byte(n)), unit...), nil
	}
	return f, nil
}
