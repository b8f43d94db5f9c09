package codec

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/gospool/spool/pipeline/codec/bitstream"
)

// AudioSpecificConfig is the configuration of AAC (ISO/IEC 14496-3, 1.6.2.1).
//
// With spectral band replication (SBR), a decoder puts out twice as many samples as the frames hold, for the
// same time. There are three ways to signal SBR: by object type 5 (29 with parametric stereo), by an extension
// after the configuration, which older decoders ignore, or only inside the frames.
type AudioSpecificConfig struct {
	CoreRate     int // sample rate of the frames, Hz
	Rate         int // sample rate of a decoder's output, Hz; CoreRate if the configuration does not signal SBR
	Channels     int // channels of a decoder's output; 2 if only the frames hold the layout
	FrameSamples int // samples of a frame, at CoreRate
}

// ErrNotAAC is the error for the configuration of another MPEG-4 audio codec.
var ErrNotAAC = errors.New("not AAC")

// Audio object types (ISO/IEC 14496-3, table 1.17).
const (
	aotMain  = 1
	aotLC    = 2
	aotSSR   = 3
	aotLTP   = 4
	aotSBR   = 5
	aotERLC  = 17
	aotERLTP = 19
	aotERLD  = 23
	aotPS    = 29
	aotERELD = 39
)

// frameTicks returns the duration of a frame in ticks, or 0 if it is not a whole number of ticks.
func (a AudioSpecificConfig) frameTicks(timescale uint32) uint32 {
	n := uint64(a.FrameSamples) * uint64(timescale)
	if rate := uint64(a.CoreRate); n%rate == 0 && n/rate <= 1<<31 {
		return uint32(n / rate)
	}
	return 0
}

// ReadAudioSpecificConfig parses an AudioSpecificConfig. The error wraps ErrNotAAC for an audio object type that
// is not AAC.
func ReadAudioSpecificConfig(asc []byte) (AudioSpecificConfig, error) {
	a, _, err := readAudioSpecificConfig(asc)
	return a, err
}

// readAudioSpecificConfig also returns the audio object type that a decoder must support to put out all of the sound:
// aotSBR or aotPS for each way that signals them.
func readAudioSpecificConfig(asc []byte) (AudioSpecificConfig, int, error) {
	bits := bitstream.NewReader(asc)
	r := &bits
	object := objectType(r)
	a, signalled := AudioSpecificConfig{CoreRate: samplingRate(r)}, object
	layout := r.Bits(4)
	a.Rate = a.CoreRate
	hierarchical := object == aotSBR || object == aotPS
	if hierarchical {
		a.Rate = samplingRate(r)
		object = objectType(r)
	}
	switch object {
	case aotMain, aotLC, aotSSR, aotLTP, aotERLC, aotERLTP, aotERLD:
		a.general(r, object, layout)
	case aotERELD:
		a.lowDelay(r, layout)
	default:
		return a, signalled, fmt.Errorf("audio object type %d: %w", object, ErrNotAAC)
	}
	switch {
	case r.Short():
		return a, signalled, errors.New("cut off")
	case a.CoreRate <= 0 || a.Rate <= 0:
		return a, signalled, errors.New("no sample rate")
	case a.Channels == 0:
		return a, signalled, fmt.Errorf("channel configuration %d is reserved", layout)
	}
	if !hierarchical {
		signalled = cmp.Or(a.extension(r), object)
	}
	if signalled == aotPS {
		a.Channels = max(a.Channels, 2)
	}
	return a, signalled, nil
}

// general reads a GASpecificConfig (ISO/IEC 14496-3, 4.4.1) and sets FrameSamples and Channels. object is the
// audio object type, layout the channel configuration.
func (a *AudioSpecificConfig) general(r *bitstream.Reader, object int, layout uint32) {
	a.FrameSamples = 1024
	if object == aotERLD {
		a.FrameSamples = 512
	}
	if r.Flag() {
		a.FrameSamples -= a.FrameSamples / 16 // 960 or 480
	}
	if r.Flag() { // dependsOnCoreCoder
		r.Skip(14)
	}
	extended := r.Flag()
	a.Channels = channels(layout)
	if layout == 0 {
		a.Channels = 2 // the layout is in the frames, unless a program_config_element follows
		if element := *r; programChannels(&element) > 0 && !element.Short() {
			a.Channels = programChannels(r)
		}
	}
	if extended {
		if object >= aotERLC {
			r.Skip(3)
		}
		r.Skip(1)
	}
	if object >= aotERLC {
		r.Skip(2) // epConfig
	}
}

// lowDelay reads the first fields of an ELDSpecificConfig (ISO/IEC 14496-3, 4.6.20). It sets FrameSamples and
// Channels, and Rate if SBR doubles the rate. layout is the channel configuration. It then skips all remaining
// bits, because no extension follows.
func (a *AudioSpecificConfig) lowDelay(r *bitstream.Reader, layout uint32) {
	a.FrameSamples, a.Channels = 512, channels(layout)
	if r.Flag() {
		a.FrameSamples = 480
	}
	r.Skip(3)
	if sbr := r.Flag(); sbr && r.Flag() { // SBR at twice the rate; the second flag exists only after the first
		a.Rate = 2 * a.CoreRate
	}
	r.Skip(r.Left()) // no extension may follow
}

// The sync words of extensions (ISO/IEC 14496-3, 1.6.2.1).
const (
	syncSBR = 0x2b7
	syncPS  = 0x548
)

// extension reads an extension after the configuration, if the remaining bits of r are one. It returns aotSBR or aotPS
// if the extension signals that, and otherwise 0. If it signals SBR, extension sets Rate.
func (a *AudioSpecificConfig) extension(r *bitstream.Reader) (object int) {
	if r.Left() < 16 || r.Bits(11) != syncSBR || objectType(r) != aotSBR || !r.Flag() {
		return 0
	}
	if rate := samplingRate(r); !r.Short() && rate > 0 {
		a.Rate = rate
	}
	if r.Left() >= 12 && r.Bits(11) == syncPS && r.Flag() {
		return aotPS
	}
	return aotSBR
}

func objectType(r *bitstream.Reader) int {
	if n := int(r.Bits(5)); n < 31 {
		return n
	}
	return 32 + int(r.Bits(6))
}

// samplingRate reads a sample rate, Hz: an index into table 1.18, or the rate itself. It returns 0 for a
// reserved index.
func samplingRate(r *bitstream.Reader) int {
	table := [...]int{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}
	switch i := int(r.Bits(4)); {
	case i < len(table):
		return table[i]
	case i == 15:
		return int(r.Bits(24))
	}
	return 0
}

// channels returns the number of channels of a channel configuration (table 1.19), or 0 if it is reserved.
func channels(layout uint32) int {
	return [16]int{0, 1, 2, 3, 4, 5, 6, 8, 0, 0, 0, 7, 8, 0, 8, 0}[layout&15]
}

// programChannels reads a program_config_element (ISO/IEC 14496-3, 4.4.1.1) with its padding and comment, and
// returns the number of its channels.
func programChannels(r *bitstream.Reader) (n int) {
	r.Skip(4 + 2 + 4)
	front, side, back, lfe := int(r.Bits(4)), int(r.Bits(4)), int(r.Bits(4)), int(r.Bits(2))
	data, coupling := int(r.Bits(3)), int(r.Bits(4))
	for _, bits := range [...]int{4, 4, 3} { // mixdowns
		if r.Flag() {
			r.Skip(bits)
		}
	}
	for range front + side + back {
		if n++; r.Flag() {
			n++ // a channel pair
		}
		r.Skip(4)
	}
	r.Skip(4*lfe + 4*data + 5*coupling)
	r.Align()
	r.Skip(8 * int(r.Bits(8)))
	return n + lfe
}
