package codec

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/gospool/spool/pipeline/codec/bitstream"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// USAC is the codec of xHE-AAC: ISO/IEC 23003-3. It shares the sample entry and the forms of RTP with AAC, but a decoder
// cannot start at each frame. A track has one parameter set, the AudioSpecificConfig.
//
// A decoder that starts at an independent frame may need the frame before it for the first samples. There is no roll
// group: it would claim that a decoder can start at each frame.
var USAC = Register(Codec{
	CodecTraits: media.CodecTraits{Name: "xhe-aac", Kind: media.Audio, ParameterSets: true},
	Title:       "xHE-AAC",
	Sync:        usacIndependent,
	Describe:    describeUSAC,
	MIME:        func(*media.Track) string { return "mp4a.40.42" },
	Entry:       SampleEntry{Types: []string{"mp4a"}, Config: "esds", Write: writeEntryAAC, Read: readEntryUSAC},
})

// ErrNotUSAC is the error for an AudioSpecificConfig of another codec than USAC.
var ErrNotUSAC = errors.New("not xHE-AAC")

// aotUSAC is the audio object type of USAC (ISO/IEC 14496-3, table 1.17).
const aotUSAC = 42

// maxUSACChannels is the most output channels that are accepted. The largest layout of the standard has 24.
const maxUSACChannels = 64

// usacRates holds the sample rates, Hz, by usacSamplingFrequencyIndex (ISO/IEC 23003-3, 6.1). 0 is reserved.
var usacRates = [31]int{
	96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350, 0, 0, 57600,
	51200, 40000, 38400, 34150, 28800, 25600, 20000, 19200, 17075, 14400, 12800, 9600,
}

// usacSamples holds the output samples of a frame, by coreSbrFrameLengthIndex (ISO/IEC 23003-3, 6.1).
var usacSamples = [8]int{768, 1024, 2048, 2048, 4096}

// usacChannels holds the output channels, by channelConfigurationIndex (ISO/IEC 23003-3, 6.1). With 0 the
// configuration lists the channels.
var usacChannels = [32]int{0, 1, 2, 3, 4, 5, 6, 8, 2, 3, 4, 7, 8, 24}

// ReadUSACConfig parses an AudioSpecificConfig of USAC up to the number of elements of a frame (ISO/IEC 23003-3, 5.2). It
// sets both CoreRate and Rate to the rate of a decoder's output; FrameSamples is at this rate. The error wraps ErrNotUSAC
// for another audio object type.
func ReadUSACConfig(asc []byte) (a AudioSpecificConfig, err error) {
	r := bitstream.NewReader(asc)
	if object := objectType(&r); object != aotUSAC {
		return a, fmt.Errorf("audio object type %d: %w", object, ErrNotUSAC)
	}
	samplingRate(&r) // of the UsacConfig, as far as table 1.18 of ISO/IEC 14496-3 has it
	r.Skip(4)
	if i := r.Bits(5); i == 31 {
		a.Rate = int(r.Bits(24))
	} else {
		a.Rate = usacRates[i]
	}
	a.CoreRate, a.FrameSamples = a.Rate, usacSamples[r.Bits(3)]
	layout := r.Bits(5)
	if a.Channels = usacChannels[layout]; layout == 0 {
		a.Channels = int(escaped(&r, 5, 8, 16))
		r.Skip(5 * min(a.Channels, maxUSACChannels))
	}
	escaped(&r, 4, 8, 16) // number of elements
	switch {
	case r.Short():
		err = errors.New("cut off")
	case a.Rate == 0:
		err = errors.New("no sample rate")
	case a.FrameSamples == 0:
		err = errors.New("a frame length that is reserved")
	case a.Channels == 0 || a.Channels > maxUSACChannels:
		err = fmt.Errorf("%d channels in channel configuration %d", a.Channels, layout)
	}
	return a, err
}

// escaped reads a number (escapedValue of ISO/IEC 23003-3, 5.2): a field of n bits; if all its bits are set, one of more
// bits follows, and so on. The number is their sum.
func escaped(r *bitstream.Reader, widths ...int) (sum uint32) {
	for _, n := range widths {
		v := r.Bits(n)
		if sum += v; v != 1<<n-1 {
			break
		}
	}
	return sum
}

// usacIndependent reports whether a decoder can start at a frame: its first bit is usacIndependencyFlag (ISO/IEC 23003-3,
// 5.3).
func usacIndependent(frame []byte) bool { return len(frame) > 0 && frame[0]&0x80 != 0 }

// describeUSAC implements Codec.Describe, as describeAAC.
func describeUSAC(t *media.Track) error {
	if len(t.ParameterSets) == 0 {
		return errors.New("no AudioSpecificConfig")
	}
	asc := t.ParameterSets[0]
	a, err := ReadUSACConfig(asc)
	if err != nil {
		return fmt.Errorf("AudioSpecificConfig %x: %w", asc[:min(len(asc), 16)], err)
	}
	t.SampleRate, t.Channels, t.FrameDurationTicks = a.Rate, a.Channels, a.frameTicks(t.Timescale)
	t.ParameterSets = [][]byte{bytes.Clone(asc)}
	return nil
}

// readEntryUSAC reads a sample entry.
func readEntryUSAC(entry []byte, t *media.Track) error {
	_, object, asc, err := readEsds(entry)
	switch {
	case err != nil:
		return err
	case object != isobmff.MPEG4Audio:
		return fmt.Errorf("MPEG-4 object type %#x: %w", object, ErrNotRecorded)
	}
	t.ParameterSets = [][]byte{asc}
	err = describeUSAC(t)
	if errors.Is(err, ErrNotUSAC) {
		err = fmt.Errorf("%w: %w", err, ErrNotRecorded)
	}
	return err
}
