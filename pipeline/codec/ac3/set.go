package ac3

import (
	"errors"

	"github.com/gospool/spool/pipeline/codec/bitstream"
)

var errRate = errors.New("the sample rate is reserved, or reduced")

// Set returns the payload of the box dac3 (F.4) of a frame of AC-3.
func (f *Frame) Set() []byte {
	var w bitstream.Writer
	f.appendLayout(&w, 0)
	w.Bits(5, uint32(f.bitrateCode))
	w.Bits(5, 0)
	return w.B
}

// appendLayout appends the fields that dac3 and dec3 have in common. reserved is the number of reserved bits and bits of
// asvc before bsmod.
func (f *Frame) appendLayout(w *bitstream.Writer, reserved int) {
	w.Bits(2, uint32(f.rateCode))
	w.Bits(5, uint32(f.id))
	w.Bits(reserved, 0)
	w.Bits(3, uint32(f.mode))
	w.Bits(3, uint32(f.layout))
	w.Bits(1, uint32(f.low))
}

// readLayout reads the fields that appendLayout appends.
func (f *Frame) readLayout(r *bitstream.Reader, reserved int) {
	f.rateCode, f.id = uint8(r.Bits(2)), uint8(r.Bits(5))
	r.Skip(reserved)
	f.mode, f.layout, f.low = uint8(r.Bits(3)), uint8(r.Bits(3)), uint8(r.Bits(1))
	f.Channels = layouts[f.layout] + int(f.low)
	if f.rateCode < 3 {
		f.Rate = rates[f.rateCode]
	}
}

// ReadSet reads the payload of a dac3. The result has Rate and Channels only.
func ReadSet(b []byte) (f Frame, err error) {
	r := bitstream.NewReader(b)
	f.readLayout(&r, 0)
	r.Skip(10)
	switch {
	case r.Short():
		return f, errors.New("it is cut")
	case f.Rate == 0:
		return f, errRate
	}
	f.Rate >>= max(0, min(int(f.id)-8, 2))
	return f, nil
}

// reservedEnhanced is the number of bits between bsid and bsmod in dec3: one reserved bit, and asvc.
const reservedEnhanced = 2

// Set returns the payload of the box dec3 (F.6) of an access unit. Its bsmod is that of a main service.
func (u *Unit) Set() []byte {
	var w bitstream.Writer
	kBits := (u.Bytes*8*u.Rate + UnitSamples*1000 - 1) / (UnitSamples * 1000) // rounded up
	w.Bits(13, uint32(min(kBits, 1<<13-1)))
	w.Bits(3, uint32(u.count-1))
	for i := range u.programs[:u.count] {
		p := &u.programs[i]
		p.appendLayout(&w, reservedEnhanced)
		w.Bits(3, 0)
		w.Bits(4, uint32(p.dependents))
		if p.dependents > 0 {
			w.Bits(9, uint32(p.added))
		} else {
			w.Bits(1, 0)
		}
	}
	return w.B
}

// ReadEnhancedSet reads the payload of a dec3. It returns the sample rate, Hz, and the number of channels of the first
// program. A reduced sample rate, which dec3 does not have, is an error.
func ReadEnhancedSet(b []byte) (rate, channels int, err error) {
	r := bitstream.NewReader(b)
	r.Skip(13)
	programs := 1 + int(r.Bits(3))
	for i := range programs {
		var f Frame
		f.readLayout(&r, reservedEnhanced)
		r.Skip(3)
		var added uint16
		if r.Bits(4) > 0 {
			added = uint16(r.Bits(9))
		} else {
			r.Skip(1)
		}
		if i == 0 {
			rate, channels = f.Rate, f.Channels+countAdded(added)
		}
	}
	switch {
	case r.Short():
		return 0, 0, errors.New("it is cut")
	case rate == 0:
		return 0, 0, errRate
	}
	return rate, channels, nil
}

// locations holds, for each bit of chan_loc from the least significant on, the index of the bit in chanmap, counted from
// the most significant one, and the number of its channels (tables E.1.4 and F.6).
var locations = [9]struct{ index, channels int }{{5, 2}, {6, 2}, {7, 1}, {8, 1}, {9, 2}, {10, 2}, {11, 2}, {12, 1}, {14, 1}}

// addedChannels returns the chan_loc of a chanmap.
func addedChannels(chanmap uint16) (added uint16) {
	for i, l := range locations {
		added |= chanmap >> (15 - l.index) & 1 << i
	}
	return added
}

// countAdded returns the number of channels in a chan_loc.
func countAdded(added uint16) (n int) {
	for i, l := range locations {
		n += int(added>>i&1) * l.channels
	}
	return n
}
