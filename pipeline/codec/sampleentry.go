package codec

import (
	"errors"
	"fmt"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// SampleEntry reads and writes the sample entry of a codec in ISO base media files.
type SampleEntry struct {
	// Types are the types of sample entries that are read. The first is written.
	Types []string
	// Config is the type of the box with the decoder configuration.
	Config string
	// LengthSize returns the number of bytes of a NAL unit's length, from the payload of the
	// configuration; 0 if that is cut. Nil for a codec without NAL units.
	LengthSize func(config []byte) int
	// Write appends a sample entry of a type, and returns the aspect ratio of the pixels.
	Write func(w *isobmff.Writer, fourcc string, t *media.Track) (isobmff.PixelAspect, error)
	// Read completes a track that has a timescale, from the payload of a sample entry.
	Read func(entry []byte, t *media.Track) error
}

// ErrNotRecorded is the error for a sample entry of a codec that cannot be recorded.
var ErrNotRecorded = errors.New("its codec is not recorded")

// WriteSampleEntry appends the stsd of a track.
func WriteSampleEntry(w *isobmff.Writer, t *media.Track) (isobmff.PixelAspect, error) {
	c := Of(t.Codec)
	if c == nil || c.Entry.Write == nil {
		return isobmff.SquarePixels, fmt.Errorf("an MP4 file of ours cannot hold %s", t.Codec)
	}
	stsd := w.OpenFull("stsd", 0, 0)
	w.U32(1)
	aspect, err := c.Entry.Write(w, c.Entry.Types[0], t)
	w.Close(stsd)
	if err == nil {
		err = w.Err()
	}
	return aspect, err
}

// ReadSampleEntry returns the track described by the payload of an stsd. Of several sample entries
// the first counts. The parameter sets are views.
func ReadSampleEntry(stsd []byte, timescale uint32) (t media.Track, err error) {
	if len(stsd) < 8 {
		return t, errors.New("it has no sample entry")
	}
	entry := isobmff.Walk(stsd[8:])
	if !entry.Next() {
		return t, errors.New("its sample entry is damaged")
	}
	c := OfSampleEntry(entry.Type.String())
	if c == nil || c.Entry.Read == nil {
		return t, fmt.Errorf("%q: %w", entry.Type, ErrNotRecorded)
	}
	t.Codec, t.Timescale = c.ID, timescale
	return t, c.Entry.Read(entry.Payload, &t)
}

// OfSampleEntry returns the codec of a type of sample entry; nil without one.
func OfSampleEntry(fourcc string) *Codec {
	for _, c := range All() {
		for _, t := range c.Entry.Types {
			if t == fourcc {
				return c
			}
		}
	}
	return nil
}

// LengthSize returns the number of bytes of a NAL unit's length in the samples of a track, from the
// payload of its stsd, whatever the type of the sample entry; 0 if samples are not made of NAL
// units.
func LengthSize(stsd []byte) int {
	if len(stsd) < 8 {
		return 0
	}
	entry := isobmff.Walk(stsd[8:])
	if !entry.Next() {
		return 0
	}
	e, ok := isobmff.ReadVisualEntry(entry.Payload)
	if !ok {
		return 0
	}
	for _, c := range All() {
		if c.Entry.LengthSize == nil {
			continue
		}
		if n := c.Entry.LengthSize(isobmff.Find(e.Boxes, c.Entry.Config)); n > 0 {
			return n
		}
	}
	return 0
}

// otherDense lists sample entries of codecs that are not recorded but may be in foreign files, and
// whose samples are never zeros.
var otherDense = [...]string{"Opus", "ac-3", "ec-3", "av01", "vp09"}

// Dense reports whether zeros in the samples of a type of sample entry are damage, unlike in PCM.
func Dense(fourcc string) bool {
	if c := OfSampleEntry(fourcc); c != nil {
		return !c.MayBeZeros
	}
	for _, o := range otherDense {
		if o == fourcc {
			return true
		}
	}
	return false
}

// readVisual reads a sample entry of pictures whose parameter sets are in a box.
func readVisual(entry []byte, t *media.Track, name string, config func([]byte) ([][]byte, error)) error {
	e, ok := isobmff.ReadVisualEntry(entry)
	c := isobmff.Find(e.Boxes, name)
	if !ok || c == nil {
		return fmt.Errorf("%s: the sample entry has no %s", t.Codec, name)
	}
	var err error
	t.Width, t.Height = e.Width, e.Height
	t.ParameterSets, err = config(c)
	if err == nil && len(t.ParameterSets) == 0 {
		err = errors.New("the parameter sets are in the stream only")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", t.Codec, err)
	}
	return nil
}

// lengthOf4 refuses a length size other than 4, for which every sample would have to be rewritten.
func lengthOf4(n int) error {
	if n != 4 {
		return fmt.Errorf("NAL units have lengths of %d bytes: rewrite the file with ffmpeg -c copy first", n)
	}
	return nil
}

// sampleAspect: Rec. ITU-T H.264, table E-1, and H.265, the same.
func sampleAspect(idc uint8, h, v uint16) isobmff.PixelAspect {
	table := [...]isobmff.PixelAspect{
		{H: 1, V: 1}, {H: 1, V: 1}, {H: 12, V: 11}, {H: 10, V: 11}, {H: 16, V: 11}, {H: 40, V: 33}, {H: 24, V: 11}, {H: 20, V: 11}, {H: 32, V: 11},
		{H: 80, V: 33}, {H: 18, V: 11}, {H: 15, V: 11}, {H: 64, V: 33}, {H: 160, V: 99}, {H: 4, V: 3}, {H: 3, V: 2}, {H: 2, V: 1},
	}
	switch {
	case idc == 255 && h > 0 && v > 0:
		return isobmff.PixelAspect{H: uint32(h), V: uint32(v)}
	case int(idc) < len(table):
		return table[idc]
	}
	return isobmff.SquarePixels
}
