package file

import (
	"errors"
	"fmt"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// errOther is for a track that cannot be recorded: it is left out.
var errOther = errors.New("its codec is not recorded")

// readEntry makes the description of a track from its stsd's payload. Of several
// sample entries the first counts.
func readEntry(stsd []byte, timescale uint32) (t media.Track, err error) {
	if len(stsd) < 8 {
		return t, errors.New("it has no sample entry")
	}
	entry := isobmff.Walk(stsd[8:])
	if !entry.Next() {
		return t, errors.New("its sample entry is damaged")
	}
	switch entry.Type.String() {
	case "avc1", "avc3":
		t, err = readVisual(entry.Payload, codec.H264, "avcC", readAVCC)
	case "hvc1", "hev1":
		t, err = readVisual(entry.Payload, codec.H265, "hvcC", readHVCC)
	case "mp4a":
		t, err = readSound(entry.Payload, timescale)
	default:
		err = fmt.Errorf("%q: %w", entry.Type, errOther)
	}
	t.Timescale = timescale
	return t, err
}

// readVisual reads a visual sample entry (ISO/IEC 14496-12, 12.1.3).
func readVisual(entry []byte, coding media.Codec, name string, config func([]byte) ([][]byte, error)) (media.Track, error) {
	f := isobmff.NewFields(entry)
	f.Skip(24)
	t := media.Track{Codec: coding, Width: int(f.U16()), Height: int(f.U16())}
	f.Skip(50)
	c := isobmff.Find(f.Rest(), name)
	if f.Short() || c == nil {
		return t, fmt.Errorf("%s: the sample entry has no %s", coding, name)
	}
	var err error
	t.ParameterSets, err = config(c)
	if err == nil && len(t.ParameterSets) == 0 {
		err = errors.New("the parameter sets are in the stream only")
	}
	if err != nil {
		return t, fmt.Errorf("%s: %w", coding, err)
	}
	return t, nil
}

// lengthOf4 refuses what would have to be rewritten sample by sample.
func lengthOf4(b byte) error {
	if n := b&3 + 1; n != 4 {
		return fmt.Errorf("NAL units have lengths of %d bytes: rewrite the file with ffmpeg -c copy first", n)
	}
	return nil
}

// readAVCC: ISO/IEC 14496-15, 5.3.3.1.
func readAVCC(b []byte) (sets [][]byte, err error) {
	f := isobmff.NewFields(b)
	f.Skip(4)
	if err := lengthOf4(f.U8()); err != nil && !f.Short() {
		return nil, err
	}
	for _, mask := range [...]uint8{31, 255} { // SPS, then PPS
		for range f.U8() & mask {
			sets = append(sets, f.Take(int(f.U16())))
		}
	}
	if f.Short() {
		return nil, errors.New("avcC is damaged")
	}
	return sets, nil
}

// H.265 parameter sets, in the order that media.Track wants.
var sets265 = [...]uint8{32, 33, 34}

// readHVCC: ISO/IEC 14496-15, 8.3.3.1.
func readHVCC(b []byte) ([][]byte, error) {
	f := isobmff.NewFields(b)
	f.Skip(21)
	if err := lengthOf4(f.U8()); err != nil && !f.Short() {
		return nil, err
	}
	var byKind [len(sets265)][][]byte
	for range f.U8() {
		kind := f.U8() & 0x3f
		for range f.U16() {
			nal := f.Take(int(f.U16()))
			if f.Short() {
				break
			}
			for i, k := range sets265 {
				if k == kind {
					byKind[i] = append(byKind[i], nal)
				}
			}
		}
	}
	if f.Short() {
		return nil, errors.New("hvcC is damaged")
	}
	return append(append(byKind[0], byKind[1]...), byKind[2]...), nil
}

// readSound reads an audio sample entry (ISO/IEC 14496-12, 12.2.3), of QuickTime
// too.
func readSound(entry []byte, timescale uint32) (media.Track, error) {
	f := isobmff.NewFields(entry)
	f.Skip(8)
	version := f.U16()
	f.Skip(18)
	switch version {
	case 1:
		f.Skip(16)
	case 2:
		f.Skip(36)
	}
	esds := isobmff.Find(f.Rest(), "esds")
	if esds == nil {
		esds = isobmff.Find(f.Rest(), "wave", "esds")
	}
	asc, err := readESDS(esds)
	if err != nil {
		return media.Track{}, err
	}
	t, err := codec.Describe(codec.AAC, timescale, [][]byte{asc})
	if errors.Is(err, codec.ErrNotAAC) {
		err = fmt.Errorf("%w: %w", err, errOther)
	}
	return t, err
}

// Descriptors of an esds (ISO/IEC 14496-1, 7.2.6).
const (
	tagES       = 3
	tagConfig   = 4
	tagSpecific = 5
	objectAAC   = 0x40
)

// readESDS gives the AudioSpecificConfig.
func readESDS(esds []byte) ([]byte, error) {
	f := isobmff.NewFields(esds)
	f.Skip(4)
	es := isobmff.NewFields(descriptor(&f, tagES))
	es.Skip(2)
	flags := es.U8()
	if flags&0x80 != 0 {
		es.Skip(2)
	}
	if flags&0x40 != 0 {
		es.Skip(int(es.U8()))
	}
	if flags&0x20 != 0 {
		es.Skip(2)
	}
	config := isobmff.NewFields(descriptor(&es, tagConfig))
	object := config.U8()
	config.Skip(12)
	asc := descriptor(&config, tagSpecific)
	switch {
	case config.Short() || es.Short():
		return nil, errors.New("esds is damaged")
	case object != objectAAC:
		return nil, fmt.Errorf("MPEG-4 object type %#x: %w", object, errOther)
	case len(asc) == 0:
		return nil, errors.New("esds has no AudioSpecificConfig")
	}
	return asc, nil
}

// descriptor takes a descriptor that must come next: a tag, a length of 7 bits a
// byte, a body.
func descriptor(f *isobmff.Fields, tag uint8) []byte {
	if f.U8() != tag {
		f.Fail()
		return nil
	}
	n := 0
	for range 4 {
		b := f.U8()
		n = n<<7 | int(b&0x7f)
		if b&0x80 == 0 {
			break
		}
	}
	return f.Take(n)
}
