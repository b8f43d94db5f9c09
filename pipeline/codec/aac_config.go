package codec

import (
	"errors"
	"fmt"
)

// AudioSpecificConfig is the configuration of AAC (ISO/IEC 14496-3, 1.6.2.1).
//
// With spectral band replication (SBR) a decoder makes sound of twice the core's
// rate, of as many seconds. It is signalled in three ways: hierarchically (object
// type 5, or 29 with parametric stereo), by an extension behind the configuration
// that older decoders do not read, or not at all: then the frames tell.
type AudioSpecificConfig struct {
	CoreRate     int // Hz, of the frames
	Rate         int // Hz, of what a decoder puts out; the core's where SBR is not signalled
	Channels     int // that a decoder puts out; 2 where the layout is in the frames only
	FrameSamples int // of a frame, at the core's rate
}

// ErrNotAAC is returned for a configuration of another codec of MPEG-4 audio.
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

// frameTicks returns how long a frame is; 0 where that is no whole number of ticks.
func (a AudioSpecificConfig) frameTicks(timescale uint32) uint32 {
	n := uint64(a.FrameSamples) * uint64(timescale)
	if rate := uint64(a.CoreRate); n%rate == 0 && n/rate <= 1<<31 {
		return uint32(n / rate)
	}
	return 0
}

// ReadAudioSpecificConfig reads an AudioSpecificConfig.
func ReadAudioSpecificConfig(asc []byte) (AudioSpecificConfig, error) {
	r := &BitReader{b: asc}
	object := objectType(r)
	a := AudioSpecificConfig{CoreRate: samplingRate(r)}
	layout := r.Bits(4)
	a.Rate = a.CoreRate
	hierarchical, ps := object == aotSBR || object == aotPS, object == aotPS
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
		return a, fmt.Errorf("audio object type %d: %w", object, ErrNotAAC)
	}
	switch {
	case r.short:
		return a, errors.New("cut off")
	case a.CoreRate <= 0 || a.Rate <= 0:
		return a, errors.New("no sample rate")
	case a.Channels == 0:
		return a, fmt.Errorf("channel configuration %d is reserved", layout)
	}
	if !hierarchical {
		ps = a.extension(r)
	}
	if ps {
		a.Channels = max(a.Channels, 2)
	}
	return a, nil
}

// general reads a GASpecificConfig (4.4.1).
func (a *AudioSpecificConfig) general(r *BitReader, object int, layout uint32) {
	a.FrameSamples = 1024
	if object == aotERLD {
		a.FrameSamples = 512
	}
	if r.Flag() {
		a.FrameSamples -= a.FrameSamples / 16 // 960 and 480
	}
	if r.Flag() { // depends on a core coder
		r.Skip(14)
	}
	extended := r.Flag()
	a.Channels = channels(layout)
	if layout == 0 {
		a.Channels = 2 // an element in the frames says more
		if element := *r; programChannels(&element) > 0 && !element.short {
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

// lowDelay reads as much of an ELDSpecificConfig (4.6.20) as is needed.
func (a *AudioSpecificConfig) lowDelay(r *BitReader, layout uint32) {
	a.FrameSamples, a.Channels = 512, channels(layout)
	if r.Flag() {
		a.FrameSamples = 480
	}
	r.Skip(3)
	if sbr := r.Flag(); sbr && r.Flag() { // at twice the rate; the second flag is there only with the first
		a.Rate = 2 * a.CoreRate
	}
	r.pos = 8 * len(r.b) // no extension comes behind it
}

// The words by which an extension is known (1.6.2.1).
const (
	syncSBR = 0x2b7
	syncPS  = 0x548
)

// extension reads what says, behind the configuration, that the frames have SBR,
// and returns whether they have parametric stereo.
func (a *AudioSpecificConfig) extension(r *BitReader) (ps bool) {
	if r.Left() < 16 || r.Bits(11) != syncSBR || objectType(r) != aotSBR || !r.Flag() {
		return false
	}
	if rate := samplingRate(r); !r.short && rate > 0 {
		a.Rate = rate
	}
	return r.Left() >= 12 && r.Bits(11) == syncPS && r.Flag()
}

func objectType(r *BitReader) int {
	if n := int(r.Bits(5)); n < 31 {
		return n
	}
	return 32 + int(r.Bits(6))
}

// samplingRate reads a rate by its index (table 1.18); 0 where that is reserved.
func samplingRate(r *BitReader) int {
	table := [...]int{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}
	switch i := int(r.Bits(4)); {
	case i < len(table):
		return table[i]
	case i == 15:
		return int(r.Bits(24))
	}
	return 0
}

// channels is table 1.19; 0 where the configuration is reserved.
func channels(layout uint32) int {
	return [16]int{0, 1, 2, 3, 4, 5, 6, 8, 0, 0, 0, 7, 8, 0, 8, 0}[layout&15]
}

// programChannels counts the channels of a program_config_element (4.4.1.1),
// which has its own padding and comment.
func programChannels(r *BitReader) (n int) {
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
			n++ // a pair
		}
		r.Skip(4)
	}
	r.Skip(4*lfe + 4*data + 5*coupling)
	r.Skip((8 - r.pos%8) % 8)
	r.Skip(8 * int(r.Bits(8)))
	return n + lfe
}
