package aac

import (
	"errors"
	"math"

	"github.com/gospool/spool/stages/ingest/testpattern/bits"
)

// The format of the frames of this package.
const (
	SampleRate   = 48000
	FrameSamples = lines  // samples by which a frame continues the sound
	Window       = window // number of samples that Encode takes; the second half begins the next window
)

// ErrChannels is the error of NewEncoder for a number of channels other than 1 or 2.
var ErrChannels = errors.New("aac: channels are 1 or 2")

// Encoder codes one signal as mono, or as stereo with the same signal on both channels.
type Encoder struct {
	channels int
	t        *transform
	w        bits.Writer
	spectrum [lines]float64
	levels   [lines]int32 // quantised spectrum
}

// NewEncoder returns an encoder for one or two channels. It returns ErrChannels for any other number.
func NewEncoder(channels int) (*Encoder, error) {
	if channels != 1 && channels != 2 {
		return nil, ErrChannels
	}
	return &Encoder{channels: channels, t: newTransform()}, nil
}

// Config returns the AudioSpecificConfig of the stream (1.6.2.1).
func (e *Encoder) Config() []byte {
	const objectLC, rate48k = 2, 3
	return []byte{objectLC<<3 | rate48k>>1, rate48k&1<<7 | byte(e.channels)<<3}
}

// Encode codes a frame from the samples in its window, which overlaps the windows before and after by half. A decoder
// that has decoded the frame before outputs the first half of pcm when it decodes this frame. So the sound has no delay
// that a player must compensate. Samples have the range of 16-bit samples. The frame is valid until the next call of
// Encode or Silence.
func (e *Encoder) Encode(pcm *[Window]float64) []byte {
	e.t.mdct(pcm, &e.spectrum)
	gain := e.quantise()
	return e.frame(gain)
}

// Silence returns a frame of silence. It is valid until the next call of Encode or Silence.
func (e *Encoder) Silence() []byte {
	e.levels = [lines]int32{}
	return e.frame(finest)
}

const (
	finest   = 132  // scale factor whose quantiser step, 2^8, is below the noise of 16-bit samples
	gainZero = 100  // scale factor of quantiser step 1
	maxLevel = 8191 // largest level that the escape code can express
)

// quantise sets e.levels, the quantised spectrum. It uses the smallest quantiser step with which every level can be
// coded, but none smaller than that of finest. It returns the scale factor of that step.
func (e *Encoder) quantise() int {
	peak := 0.0
	for _, x := range e.spectrum {
		peak = max(peak, math.Abs(x))
	}
	gain := finest
	for peak*scale(gain) > maxLevel*math.Cbrt(maxLevel) {
		gain++
	}
	s := scale(gain)
	for i, x := range e.spectrum {
		x *= s
		level := int32(math.Pow(math.Abs(x), 0.75) + 0.4054) // rounding of 4.B.10, towards the smaller level
		if x < 0 {
			level = -level
		}
		e.levels[i] = level
	}
	return gain
}

func scale(gain int) float64 { return math.Exp2(float64(gainZero-gain) / 4) }

// Types of the elements of a raw_data_block (ISO/IEC 14496-3, table 4.85).
const (
	elementSingle = 0
	elementPair   = 1
	elementEnd    = 7
)

// frame returns a raw_data_block with the levels as one element of sound (4.4.2.1). gain is their scale factor.
func (e *Encoder) frame(gain int) []byte {
	w := &e.w
	w.Reset()
	if e.channels == 1 {
		w.Put(elementSingle, 3)
		w.Put(0, 4) // element_instance_tag
	} else {
		w.Put(elementPair, 3)
		w.Put(0, 4)
		w.Put(0, 1) // common_window: each channel is complete by itself
	}
	for range e.channels {
		e.channel(gain)
	}
	w.Put(elementEnd, 3)
	w.Align()
	return w.Bytes()
}
