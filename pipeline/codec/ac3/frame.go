// Package ac3 reads the frames of AC-3 and of Enhanced AC-3 (ETSI TS 102 366), and the boxes that describe them in MP4
// files (annex F).
package ac3

import (
	"errors"
	"fmt"

	"github.com/gospool/spool/pipeline/codec/bitstream"
)

// UnitSamples is the number of samples of a channel in an access unit: six blocks of 256.
const UnitSamples = unitBlocks * 256

const unitBlocks = 6

// HeaderBytes is the number of bytes from which Read reads a frame.
const HeaderBytes = 16

// Frame holds fields of the header of a frame (4.4.1 and 4.4.2; E.1.3.1 of the enhanced form).
type Frame struct {
	Bytes    int // size of the frame with its header
	Rate     int // sample rate, Hz
	Channels int // with the channel of low frequencies
	Blocks   int // of 256 samples of a channel
	// Enhanced reports a frame of Enhanced AC-3. The following two fields are of its substream (E.1.3.1.1 and E.1.3.1.2).
	Enhanced, Dependent bool
	Substream           int // substreamid

	rateCode, id, mode, layout, low uint8  // fscod, bsid, bsmod, acmod, lfeon
	bitrateCode                     uint8  // bit_rate_code; of AC-3
	chanmap                         uint16 // of a dependent substream; 0: it has none
}

// ErrCut is the error of bytes that end within a header or a unit.
var ErrCut = errors.New("the header of an AC-3 frame is cut")

var errSync = errors.New("no AC-3 frame begins here")

// rates holds the sample rates, Hz, by fscod.
var rates = [3]int{48000, 44100, 32000}

// kBits holds the bit rates, kbit/s, by frmsizecod / 2 (table 4.13).
var kBits = [19]int{32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640}

// layouts holds the numbers of channels by acmod (table 4.3).
var layouts = [8]int{2, 1, 2, 3, 3, 4, 4, 5}

// Read reads the header of a frame at the beginning of b, which may end before the frame does: see HeaderBytes.
func Read(b []byte) (f Frame, err error) {
	switch {
	case len(b) < 8:
		return f, ErrCut
	case b[0] != 0x0b || b[1] != 0x77:
		return f, errSync
	}
	f.id = b[5] >> 3 // the same place in both forms
	r := bitstream.NewReader(b[2:])
	switch {
	case f.id <= 10:
		err = f.read(&r)
	case f.id <= 16:
		err = f.readEnhanced(&r)
	default:
		err = fmt.Errorf("AC-3 of version %d", f.id)
	}
	if err == nil && r.Short() {
		err = ErrCut
	}
	f.Channels = layouts[f.layout] + int(f.low)
	return f, err
}

// read reads the header from crc1 on.
func (f *Frame) read(r *bitstream.Reader) error {
	r.Skip(16)
	f.rateCode = uint8(r.Bits(2))
	size := int(r.Bits(6))
	r.Skip(5)
	f.mode, f.layout = uint8(r.Bits(3)), uint8(r.Bits(3))
	if f.layout&1 != 0 && f.layout != 1 {
		r.Skip(2) // cmixlev
	}
	if f.layout&4 != 0 {
		r.Skip(2) // surmixlev
	}
	if f.layout == 2 {
		r.Skip(2) // dsurmod
	}
	f.low = uint8(r.Bits(1))
	if f.rateCode == 3 || size >= 2*len(kBits) {
		return errSync
	}
	f.bitrateCode, f.Blocks = uint8(size/2), unitBlocks
	full := rates[f.rateCode]
	words := kBits[size/2] * 1000 * UnitSamples / 16 / full
	if f.rateCode == 1 {
		words += size & 1
	}
	f.Bytes, f.Rate = 2*words, full>>max(0, int(f.id)-8)
	return nil
}

// readEnhanced reads the header from strmtyp on.
func (f *Frame) readEnhanced(r *bitstream.Reader) error {
	kind := r.Bits(2)
	f.Enhanced, f.Dependent, f.Substream = true, kind == 1, int(r.Bits(3))
	f.Bytes = 2 * (int(r.Bits(11)) + 1)
	f.rateCode, f.Blocks = uint8(r.Bits(2)), unitBlocks
	if code := r.Bits(2); f.rateCode == 3 {
		if code == 3 {
			return errSync
		}
		f.Rate = rates[code] / 2
	} else {
		f.Rate, f.Blocks = rates[f.rateCode], [4]int{1, 2, 3, 6}[code]
	}
	f.layout, f.low = uint8(r.Bits(3)), uint8(r.Bits(1))
	r.Skip(5)
	programs := 1
	if f.layout == 0 {
		programs = 2
	}
	for range programs {
		r.Skip(5) // dialnorm
		if r.Flag() {
			r.Skip(8) // compr
		}
	}
	if f.Dependent && r.Flag() {
		f.chanmap = uint16(r.Bits(16))
	}
	if kind == 3 || f.Bytes < HeaderBytes/2 {
		return errSync
	}
	return nil
}
