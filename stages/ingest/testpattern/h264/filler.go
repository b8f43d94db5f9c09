package h264

// The NAL unit of Encoder.Filler is an SEI message of user data (D.1.6). Decoders skip it. Recorders keep it
// because it belongs to the picture; they remove filler data NAL units.
const (
	seiUserData   = 5
	fillerMinimum = 1 + 2 + len(fillerID) + 1 // NAL unit header, type and size, identifier, trailing bits
)

// fillerID is the UUID that identifies the SEI message of Encoder.Filler.
const fillerID = "\x5b\x1f\x9a\x66\xc3\x2e\x4d\x10\xa7\x84\x73\x70\x6f\x6f\x6c\x21"

// MaxFillerBytes is the largest size of a NAL unit that Filler makes; for a larger n, Filler behaves as for
// MaxFillerBytes. The NAL unit may be longer by a 255th, because its size field grows with it.
const MaxFillerBytes = 16 << 20

// Filler returns a NAL unit of n bytes, or at most a 255th more, to be sent before the slice of a picture. It
// returns nil if n is less than 20. The NAL unit contains noise without zero bytes, which needs no emulation
// prevention. The noise repeats after 16 KiB, and up to there a compressor cannot compress it. The NAL unit is valid
// until the next call.
func (e *Encoder) Filler(n int) []byte {
	if n = min(n, MaxFillerBytes); n < fillerMinimum {
		return nil
	}
	payload := n - fillerMinimum + len(fillerID)
	sei := append(e.sei[:0], headerSEI, seiUserData)
	size := payload
	for ; size >= 255; size -= 255 {
		sei = append(sei, 255)
	}
	sei = append(sei, byte(size))
	sei = append(sei, fillerID...)
	for left := payload - len(fillerID); left > 0; {
		k := min(left, len(noise))
		sei = append(sei, noise[:k]...)
		left -= k
	}
	e.sei = append(sei, 0x80)
	return e.sei
}

var noise = makeNoise()

// makeNoise returns the output of a linear congruential generator. A compressor cannot compress its high bits.
func makeNoise() (out [1 << 14]byte) {
	x := uint32(1)
	for i := range out {
		x = x*1664525 + 1013904223
		out[i] = byte(x>>24)%255 + 1
	}
	return out
}
