package codec

import (
	"errors"
	"fmt"
	"slices"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// SampleEntry reads and writes the sample entry of a codec (ISO/IEC 14496-12, 8.5.2).
type SampleEntry struct {
	// Types lists the types of sample entries that Read reads. Write gets the first. Several codecs may have the same
	// type.
	Types []string
	// Config is the type of the box with the decoder configuration, such as avcC.
	Config string
	// LengthSize returns the size in bytes of the length before each NAL unit, given the payload of the
	// configuration box, or 0 if the payload is too short. It is nil for a codec without NAL units.
	LengthSize func(config []byte) int
	// Write appends a sample entry of the type fourcc for a track. It returns the aspect ratio of the pixels.
	Write func(w *isobmff.Writer, fourcc string, t *media.Track) (isobmff.PixelAspect, error)
	// Read completes a track that has a codec and a timescale from the payload of a sample entry. Its error wraps
	// ErrNotRecorded for an entry of another codec.
	Read func(entry []byte, t *media.Track) error
	// Forms holds a function as Read for each further type of sample entries that may hold the codec.
	Forms map[string]func(entry []byte, t *media.Track) error
}

// reads returns the function that reads a type of sample entry, or nil.
func (e *SampleEntry) reads(fourcc string) func(entry []byte, t *media.Track) error {
	if slices.Contains(e.Types, fourcc) {
		return e.Read
	}
	return e.Forms[fourcc]
}

// ErrNotRecorded is the error for a sample entry whose codec spool cannot record.
var ErrNotRecorded = errors.New("its codec is not recorded")

// WriteSampleEntry appends an stsd box with the sample entry of a track. It returns the aspect ratio of the
// pixels.
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

// ReadSampleEntry returns the track that the first sample entry in the payload of an stsd box describes. The
// parameter sets are slices of stsd.
func ReadSampleEntry(stsd []byte, timescale uint32) (t media.Track, err error) {
	if len(stsd) < 8 {
		return t, errors.New("it has no sample entry")
	}
	entry := isobmff.Walk(stsd[8:])
	if !entry.Next() {
		return t, errors.New("its sample entry is damaged")
	}
	err = fmt.Errorf("%q: %w", entry.Type, ErrNotRecorded)
	for _, c := range All() {
		read := c.Entry.reads(entry.Type.String())
		if read == nil {
			continue
		}
		t = media.Track{Codec: c.ID, Timescale: timescale}
		if err = read(entry.Payload, &t); !errors.Is(err, ErrNotRecorded) {
			break
		}
	}
	return t, err
}

// OfSampleEntry returns the first codec that reads a type of sample entry, or nil.
func OfSampleEntry(fourcc string) *Codec {
	for _, c := range All() {
		if c.Entry.reads(fourcc) != nil {
			return c
		}
	}
	return nil
}

// LengthSize returns the size in bytes of the length before each NAL unit in the samples of a track, given the
// payload of its stsd box. It looks for a configuration box of each codec, regardless of the type of the sample
// entry. It returns 0 if the samples are not made of NAL units.
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

// Dense reports whether zeros in the samples of a track are a sign of damage. fourcc is the type of its sample
// entry. PCM, for example, may contain zeros, and so may silence in AC-3.
func Dense(fourcc string) bool {
	c := OfSampleEntry(fourcc)
	return c != nil && !c.MayBeZeros
}

// writeConfigured writes the sample entry of sound whose parameter set is the payload of the box config.
func writeConfigured(w *isobmff.Writer, fourcc, config string, t *media.Track) (isobmff.PixelAspect, error) {
	at := w.OpenAudioEntry(fourcc, t.Channels, 16, t.SampleRate)
	box := w.Open(config)
	w.Append(t.ParameterSets[0])
	w.Close(box)
	w.Close(at)
	return isobmff.SquarePixels, nil
}

// readConfigured reads a sample entry that writeConfigured has written.
func readConfigured(entry []byte, config string, t *media.Track) error {
	e, ok := isobmff.ReadAudioEntry(entry)
	set := isobmff.Find(e.Boxes, config)
	if !ok || set == nil {
		return fmt.Errorf("the sample entry has no %s", config)
	}
	t.ParameterSets = [][]byte{set}
	return nil
}

// readEsds returns the fields of an audio sample entry, and the objectTypeIndication and the DecoderSpecificInfo of its
// esds, which is inside a wave box in QuickTime files.
func readEsds(entry []byte) (e isobmff.AudioEntry, object uint8, specific []byte, err error) {
	e, _ = isobmff.ReadAudioEntry(entry)
	esds := isobmff.Find(e.Boxes, "esds")
	if esds == nil {
		esds = isobmff.Find(e.Boxes, "wave", "esds")
	}
	object, specific, ok := isobmff.ReadEsds(esds)
	if !ok {
		err = errors.New("esds is damaged")
	}
	return e, object, specific, err
}

// readVisual reads a visual sample entry. config returns the parameter sets from the payload of the box name.
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

// lengthOf4 returns an error if n, the size in bytes of the length before each NAL unit, is not 4. Chunks hold
// lengths of 4 bytes, so each sample would have to be rewritten.
func lengthOf4(n int) error {
	if n != 4 {
		return fmt.Errorf("NAL units have lengths of %d bytes: rewrite the file with ffmpeg -c copy first", n)
	}
	return nil
}

// sampleAspect returns the aspect ratio for aspect_ratio_idc (ITU-T H.264, table E-1; H.265 has the same
// table). h and v are sar_width and sar_height.
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
