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
