package codec

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// AAC is ISO/IEC 14496-3. A track has one parameter set, the AudioSpecificConfig.
var AAC = Register(Codec{
	CodecTraits: media.CodecTraits{Name: "aac", Kind: media.Audio, ParameterSets: true},
	Title:       "AAC",
	Describe:    describeAAC,
	MIME:        mimeAAC,
	// A decoder must decode one more frame before the frame with which it starts (ISO/IEC 14496-14, 3.1.1).
	RollDistance: -1,
	Entry:        entryAAC,
})

// describeAAC implements Codec.Describe: it sets SampleRate, Channels and FrameDurationTicks from the track's
// AudioSpecificConfig. ParameterSets then holds only a copy of that configuration.
func describeAAC(t *media.Track) error {
	if len(t.ParameterSets) == 0 {
		return errors.New("no AudioSpecificConfig")
	}
	asc := t.ParameterSets[0]
	a, err := ReadAudioSpecificConfig(asc)
	if err != nil {
		return fmt.Errorf("AudioSpecificConfig %x: %w", asc[:min(len(asc), 16)], err)
	}
	t.SampleRate, t.Channels, t.FrameDurationTicks = a.Rate, a.Channels, a.frameTicks(t.Timescale)
	t.ParameterSets = [][]byte{bytes.Clone(asc)}
	return nil
}

var entryAAC = SampleEntry{Types: []string{"mp4a"}, Config: "esds", Write: writeEntryAAC, Read: readEntryAAC}

// writeEntryAAC writes a sample entry (ISO/IEC 14496-14, 5.6.1) with the track's AudioSpecificConfig.
func writeEntryAAC(w *isobmff.Writer, fourcc string, t *media.Track) (isobmff.PixelAspect, error) {
	at := w.OpenAudioEntry(fourcc, t.Channels, 16, t.SampleRate)
	w.Esds(isobmff.AudioStream, isobmff.MPEG4Audio, t.ParameterSets[0])
	w.Close(at)
	return isobmff.SquarePixels, nil
}

// MPEG-2 AAC: the objectTypeIndications of its profiles, Main to SSR (ISO/IEC 14496-1, table 5). Its configuration is an
// AudioSpecificConfig, too.
const firstMPEG2AAC, lastMPEG2AAC = 0x66, 0x68

// readEntryAAC reads a sample entry.
func readEntryAAC(entry []byte, t *media.Track) error {
	_, object, asc, err := readEsds(entry)
	switch {
	case err != nil:
		return err
	case object != isobmff.MPEG4Audio && (object < firstMPEG2AAC || object > lastMPEG2AAC):
		return fmt.Errorf("MPEG-4 object type %#x: %w", object, ErrNotRecorded)
	case len(asc) == 0:
		return errors.New("esds has no AudioSpecificConfig")
	}
	t.ParameterSets = [][]byte{asc}
	err = describeAAC(t)
	if errors.Is(err, ErrNotAAC) {
		err = fmt.Errorf("%w: %w", err, ErrNotRecorded)
	}
	return err
}

// mimeAAC returns the codecs parameter (RFC 6381, 3.3): mp4a, the object type of MPEG-4 audio, and the audio object type:
// 5 with spectral band replication and 29 with parametric stereo, in each way in which the configuration can signal them.
// Without parameter sets it returns mp4a.40, which leaves out the audio object type.
func mimeAAC(t *media.Track) string {
	if len(t.ParameterSets) == 0 {
		return "mp4a.40"
	}
	_, object, _ := readAudioSpecificConfig(t.ParameterSets[0])
	return fmt.Sprintf("mp4a.40.%d", object)
}
