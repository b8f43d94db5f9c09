package codec

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// LPCM is uncompressed sound as integers (ISO/IEC 23003-5). A track has one parameter set, which LPCMFormat.Set
// returns. An access unit holds any number of whole frames; a frame has one sample of each channel.
var LPCM = Register(Codec{
	CodecTraits: media.CodecTraits{Name: "lpcm", Kind: media.Audio, ParameterSets: true},
	Title:       "LPCM",
	Describe:    describeLPCM,
	MIME:        func(*media.Track) string { return "ipcm" },
	MayBeZeros:  true,
	Entry:       SampleEntry{Types: []string{"ipcm"}, Config: "pcmC", Write: writeEntryLPCM, Read: readEntryLPCM},
})

// LPCMFormat is the form of the samples of an LPCM track.
type LPCMFormat struct {
	Bits         int // of a sample: 16, 24 or 32
	LittleEndian bool
}

// Set returns the parameter set of a track with the format: the fields of the box pcmC (ISO/IEC 23003-5, 6.2).
func (f LPCMFormat) Set() []byte {
	if f.LittleEndian {
		return []byte{1, byte(f.Bits)}
	}
	return []byte{0, byte(f.Bits)}
}

// readLPCMFormat returns the format of a parameter set.
func readLPCMFormat(set []byte) (f LPCMFormat, err error) {
	if len(set) < 2 {
		return f, errors.New("the format of the samples is cut")
	}
	f = LPCMFormat{Bits: int(set[1]), LittleEndian: set[0]&1 != 0}
	if !slices.Contains([]int{16, 24, 32}, f.Bits) {
		return f, fmt.Errorf("samples of %d bits", f.Bits)
	}
	return f, nil
}

// describeLPCM implements Codec.Describe. It needs the track's SampleRate and Channels.
func describeLPCM(t *media.Track) error {
	if len(t.ParameterSets) == 0 {
		return errors.New("no format of the samples")
	}
	f, err := readLPCMFormat(t.ParameterSets[0])
	if err != nil {
		return err
	}
	if t.SampleRate <= 0 || t.Channels <= 0 {
		return fmt.Errorf("%d Hz, %d channels", t.SampleRate, t.Channels)
	}
	t.ParameterSets = [][]byte{f.Set()}
	return nil
}

// writeEntryLPCM writes a sample entry (ISO/IEC 23003-5, 6.1). Some players read the size of the samples from it, and
// not from pcmC.
func writeEntryLPCM(w *isobmff.Writer, fourcc string, t *media.Track) (isobmff.PixelAspect, error) {
	at := w.OpenAudioEntry(fourcc, t.Channels, int(t.ParameterSets[0][1]), t.SampleRate)
	config := w.OpenFull("pcmC", 0, 0)
	w.Append(t.ParameterSets[0])
	w.Close(config)
	w.Close(at)
	return isobmff.SquarePixels, nil
}

func readEntryLPCM(entry []byte, t *media.Track) error {
	e, ok := isobmff.ReadAudioEntry(entry)
	config := isobmff.Find(e.Boxes, "pcmC")
	if !ok || len(config) < 6 {
		return errors.New("the sample entry has no pcmC")
	}
	t.Channels, t.SampleRate, t.ParameterSets = e.Channels, cmp.Or(e.Rate, int(t.Timescale)), [][]byte{config[4:6]}
	return describeLPCM(t)
}
