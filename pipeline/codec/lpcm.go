package codec

import (
	"cmp"
	"errors"
	"fmt"

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
	FrameBytes:  func(t *media.Track) int { return t.Channels * int(t.ParameterSets[0][1]) / 8 },
	Entry: SampleEntry{Types: []string{"ipcm"}, Config: "pcmC", Write: writeEntryLPCM, Read: readEntryLPCM, Forms: map[string]func([]byte, *media.Track) error{
		"twos": readQuickTimePCM(0, false), "sowt": readQuickTimePCM(0, true),
		"in24": readQuickTimePCM(24, false), "in32": readQuickTimePCM(32, false), "lpcm": readQuickTimeLPCM,
	}},
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
	if !recordedBits(f.Bits) {
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

// readQuickTimePCM returns a reader of a sample entry of QuickTime for samples of the given size in bits and byte order.
// For 0 the entry has the size. A box enda sets the byte order of the types that have it.
func readQuickTimePCM(bits int, littleEndian bool) func(entry []byte, t *media.Track) error {
	return func(entry []byte, t *media.Track) error {
		e, ok := isobmff.ReadAudioEntry(entry)
		if !ok {
			return errors.New("the sample entry is cut")
		}
		f := LPCMFormat{Bits: cmp.Or(bits, e.Bits), LittleEndian: littleEndian}
		if enda := isobmff.Find(e.Boxes, "wave", "enda"); bits > 0 && len(enda) >= 2 {
			f.LittleEndian = enda[1] == 1
		}
		return describeQuickTime(e, f, t)
	}
}

// readQuickTimeLPCM reads a sample entry of the type lpcm, which has version 2.
func readQuickTimeLPCM(entry []byte, t *media.Track) error {
	e, ok := isobmff.ReadAudioEntry(entry)
	switch {
	case !ok:
		return errors.New("the sample entry is cut")
	case e.Flags&(isobmff.LPCMFloat|isobmff.LPCMPlanar|isobmff.LPCMSigned) != isobmff.LPCMSigned:
		return fmt.Errorf("samples with the format flags %#x: %w", e.Flags, ErrNotRecorded)
	}
	return describeQuickTime(e, LPCMFormat{Bits: e.Bits, LittleEndian: e.Flags&isobmff.LPCMBigEndian == 0}, t)
}

func describeQuickTime(e isobmff.AudioEntry, f LPCMFormat, t *media.Track) error {
	if !recordedBits(f.Bits) || e.Channels > 0xffff {
		return fmt.Errorf("samples of %d bits, %d channels: %w", f.Bits, e.Channels, ErrNotRecorded)
	}
	t.Channels, t.SampleRate, t.ParameterSets = e.Channels, cmp.Or(e.Rate, int(t.Timescale)), [][]byte{f.Set()}
	return describeLPCM(t)
}

func recordedBits(bits int) bool { return bits == 16 || bits == 24 || bits == 32 }
