package ingesttest

import (
	"encoding/hex"
	"strconv"
	"strings"
)

// Hex returns the bytes of a string of hexadecimal digits.
func Hex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// Parameter sets written by x264 and x265, and the AudioSpecificConfig of AAC-LC.
var (
	SPS25    = Hex("6764000cacd941419f9f011000000300100000030320f1429960")                     // 320x180, 25 frames/s
	SPS20    = Hex("6764000cacd941419f9f011000000300100000030280f1429960")                     // SPS25 at 20 frames/s
	SPSHRD   = Hex("6764000cacd941419f9f0110000003001000000303260200124f000493e930c01e28532c") // SPS25 with HRD
	SPSBig   = Hex("6764001eacd940a02ff97011000003000100000300320f162d96")                     // 640x360
	SPSFull  = Hex("6764000cacd941419f9f016c800000030080000019078a14cb")                       // full range
	SPSField = Hex("67640015acd94143360220000003002000000643e28532c0")                         // interlaced
	Baseline = Hex("6742c00cd90141fb0110000003001000000303c0f14264")                           // no reordering
	PPSX264  = Hex("68ebe3cb22c0")
	PPSField = Hex("68fba3cb22c0")

	VPSX265 = Hex("40010c01ffff01600000030090000003000003003c959809")
	HEVC25  = Hex("42010101600000030090000003000003003ca00a080b9f796566924caf016808000003000800000300c840")
	HEVC30  = Hex("42010101600000030090000003000003003ca00a080b9f796566924caf016808000003000800000300f040")
	HEVCBig = Hex("42010101600000030090000003000003003fa00502016965959a4932bc05a02000000300200000030321")
	PPSX265 = Hex("4401c172b46240")

	AACLC48 = []byte{0x11, 0x90} // 48 kHz, stereo
)

// PPS264 returns a PPS of H.264 with the given IDs of itself and of its SPS. Its other bits have no meaning.
func PPS264(id, sps uint32) []byte { return WithBits([]byte{0x68}, UE(id)+UE(sps)+Rest) }

// PPS265 returns a PPS of H.265 with the given IDs of itself and of its SPS. Its other bits have no meaning.
func PPS265(id, sps uint32) []byte { return WithBits([]byte{0x44, 1}, UE(id)+UE(sps)+Rest) }

// Rest stands for the bits after the IDs of a parameter set, which the readers of IDs skip.
const Rest = "1010101010101"

// UE returns the Exp-Golomb code of a number as a text of the digits 0 and 1.
func UE(v uint32) string {
	code := strconv.FormatUint(uint64(v)+1, 2)
	return strings.Repeat("0", len(code)-1) + code
}

// WithBits appends bits, given as a text of the digits 0 and 1, to a NAL unit, and then zeros up to a whole byte.
func WithBits(nal []byte, bits string) []byte {
	for ; len(bits) > 0; bits = bits[min(8, len(bits)):] {
		v, _ := strconv.ParseUint((bits + "0000000")[:8], 2, 8)
		nal = append(nal, byte(v))
	}
	return nal
}
