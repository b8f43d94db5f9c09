// Package adts reads the headers of AAC frames in the Audio Data Transport Stream (ISO/IEC 14496-3, 1.A.2), the form of
// AAC outside of files.
package adts

import (
	"errors"
	"fmt"

	"github.com/gospool/spool/pipeline/codec/bitstream"
)

// Header holds fields of the header of a frame (ISO/IEC 14496-3, tables 1.A.6 and 1.A.7).
type Header struct {
	Bytes       int // size of the frame with its header
	HeaderBytes int // size of the header, with its checksum if it has one

	object, rate, layout byte // audio object type, sampling_frequency_index, channel_configuration
}

// FrameSamples is the number of samples of a channel in a frame, at the rate of the core.
const FrameSamples = 1024

// rates holds the sample rates, Hz, by sampling_frequency_index (ISO/IEC 14496-3, table 1.18).
var rates = [13]int{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}

// Rate returns the sample rate of the core, Hz.
func (h Header) Rate() int { return rates[h.rate] }

// minBytes is the size of a header without a checksum.
const minBytes = 7

// Read reads the header of a frame at the beginning of b, which may end before the frame does. It returns an error for
// a frame with more than one raw data block: only a decoder finds the end of the first block.
func Read(b []byte) (h Header, err error) {
	if len(b) < minBytes {
		return h, errors.New("the header of an ADTS frame is cut")
	}
	r := bitstream.NewReader(b)
	sync := r.Bits(12)
	r.Skip(1) // MPEG-2 or MPEG-4
	layer, plain := r.Bits(2), r.Flag()
	h.object, h.rate = byte(r.Bits(2)+1), byte(r.Bits(4))
	r.Skip(1)
	h.layout = byte(r.Bits(3))
	r.Skip(4)
	h.Bytes = int(r.Bits(13))
	r.Skip(11) // fullness of the decoder's buffer
	blocks := r.Bits(2) + 1
	h.HeaderBytes = minBytes
	if !plain {
		h.HeaderBytes += 2
	}
	switch {
	case sync != 0xfff || layer != 0:
		return h, errors.New("no ADTS frame begins here")
	case h.rate > 12:
		return h, fmt.Errorf("an ADTS frame has the reserved sample rate %d", h.rate)
	case h.Bytes <= h.HeaderBytes:
		return h, fmt.Errorf("an ADTS frame has a size of %d bytes", h.Bytes)
	case blocks > 1:
		return h, fmt.Errorf("an ADTS frame has %d raw data blocks: only one is supported", blocks)
	}
	return h, nil
}

// Config returns the AudioSpecificConfig of the frame. With spectral band replication it has the rate of the core: the
// header does not signal the replication.
func (h Header) Config() [2]byte {
	return [2]byte{h.object<<3 | h.rate>>1, h.rate<<7 | h.layout<<3}
}

// maxBytes is the size of the largest frame that a header can have.
const maxBytes = 1<<13 - 1

// HeaderOf returns the header of frames with an AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1). With spectral band replication it has the rate of the
// core. It returns an error for a configuration that the header cannot express: another object type than Main, LC, SSR and LTP, a rate
// outside of the table, a layout in a program_config_element, and frames of 960 samples.
func HeaderOf(asc []byte) (h Header, err error) {
	r := bitstream.NewReader(asc)
	object, rate := r.Bits(5), r.Bits(4)
	if rate == 15 {
		r.Skip(24)
	}
	layout := r.Bits(4)
	if object == 5 || object == 29 { // spectral band replication, parametric stereo
		if r.Bits(4) == 15 {
			r.Skip(24)
		}
		object = r.Bits(5)
	}
	short := r.Flag()
	h = Header{HeaderBytes: minBytes, object: byte(object), rate: byte(rate), layout: byte(layout)}
	switch {
	case r.Short():
		err = errors.New("the AudioSpecificConfig is cut")
	case object < 1 || object > 4:
		err = fmt.Errorf("ADTS has no audio object type %d", object)
	case rate > 12:
		err = errors.New("ADTS has no such sample rate")
	case layout < 1 || layout > 7:
		err = fmt.Errorf("ADTS has no channel configuration %d", layout)
	case short:
		err = errors.New("ADTS has no frames of 960 samples")
	}
	return h, err
}

// Append appends the header of a frame with a number of bytes after the header, which has no checksum.
func (h Header) Append(out []byte, frameBytes int) ([]byte, error) {
	if frameBytes < 1 || frameBytes > maxBytes-minBytes {
		return out, fmt.Errorf("an ADTS frame cannot have %d bytes", frameBytes)
	}
	size := uint(minBytes + frameBytes)
	return append(out,
		0xff, 0xf1, // syncword, MPEG-4, no checksum
		(h.object-1)<<6|h.rate<<2|h.layout>>2,
		h.layout<<6|byte(size>>11), byte(size>>3), byte(size<<5)|0x1f, 0xfc), nil // fullness: variable rate
}
