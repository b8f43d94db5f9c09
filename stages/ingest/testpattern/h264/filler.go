package h264

// Filler is an SEI message of user data (D.1.6). Decoders skip it. Recorders keep it, unlike filler data NAL units,
// because it belongs to the picture.
const (
	seiUserData   = 5
	fillerMinimum = 1 + 2 + len(fillerID) + 1 // NAL unit header, type and size, identifier, trailing bits
)

// fillerID is the UUID that identifies the message.
const fillerID = "\x5b\x1f\x9a\x66\xc3\x2e\x4d\x10\xa7\x84\x73\x70\x6f\x6f\x6c\x21"

// MaxFillerBytes is the size of the largest filler NAL unit.
const MaxFillerBytes = 16 << 20

// Filler returns a NAL unit of about n bytes, to be sent before the slice of a picture, or nil if n is too small.
// It contains noise without zero bytes, which does not compress and needs no emulation prevention.
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
