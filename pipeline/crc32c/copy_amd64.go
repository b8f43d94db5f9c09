package crc32c

import "golang.org/x/sys/cpu"

// A block has three lanes, side by side: the instruction CRC32 takes three cycles, of which the other lanes use two.
const (
	longLaneBytes  = 1024
	shortLaneBytes = 128
)

// copyLong copies a block with lanes of longLaneBytes. It returns the registers of CRC32C of the lanes, which it
// computes from the register before the first lane, and from 0 for the others.
//
//go:noescape
func copyLong(dst, src *byte, register uint32) (first, second, third uint32)

// copyShort is copyLong for lanes of shortLaneBytes.
//
//go:noescape
func copyShort(dst, src *byte, register uint32) (first, second, third uint32)

// copySmall copies n bytes and returns the register after them. It is for bytes that are too few for lanes.
//
//go:noescape
func copySmall(dst, src *byte, n int, register uint32) uint32

// lane multiplies registers by x^(8n), where n is the length of a lane, with a table for each byte of the register.
type lane [4][256]uint32

var longLane, shortLane = newLane(longLaneBytes), newLane(shortLaneBytes)

func newLane(n int) *lane {
	t, power := new(lane), powerOfX(n)
	for k := range t {
		for v := range t[k] {
			t[k][v] = multiply(power, uint32(v)<<(8*k))
		}
	}
	return t
}

func (t *lane) pass(r uint32) uint32 {
	return t[0][uint8(r)] ^ t[1][uint8(r>>8)] ^ t[2][uint8(r>>16)] ^ t[3][r>>24]
}

// copyFast copies src and returns the checksum after it. It does nothing and returns false on a CPU without the
// instruction CRC32.
func copyFast(dst, src []byte, sum uint32) (after uint32, done bool) {
	if !cpu.X86.HasSSE42 || len(src) == 0 {
		return sum, len(src) == 0
	}
	if raceEnabled {
		copy(dst, src) // the race detector does not see the accesses of the assembler
	}
	register, n := ^sum, 0
	for ; len(src)-n >= 3*longLaneBytes; n += 3 * longLaneBytes {
		first, second, third := copyLong(&dst[n], &src[n], register)
		register = longLane.pass(longLane.pass(first)^second) ^ third
	}
	for ; len(src)-n >= 3*shortLaneBytes; n += 3 * shortLaneBytes {
		first, second, third := copyShort(&dst[n], &src[n], register)
		register = shortLane.pass(shortLane.pass(first)^second) ^ third
	}
	if n < len(src) {
		register = copySmall(&dst[n], &src[n], len(src)-n, register)
	}
	return ^register, true
}
