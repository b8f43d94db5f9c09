// Package crc32c computes the checksum CRC32C (RFC 3720, 12.1) of bytes while it copies them, and joins checksums. A
// copy waits for memory: the checksum costs almost no time beside it, where a checksum of its own costs a third of the
// copy. The checksums are those of hash/crc32 with the polynomial Castagnoli.
package crc32c

import "hash/crc32"

var table = crc32.MakeTable(crc32.Castagnoli)

// Copy copies src to dst, which must be at least as long and must not overlap src. sum is the checksum of the bytes
// before src, 0 if there are none. Copy returns the checksum of these bytes followed by src.
func Copy(dst, src []byte, sum uint32) uint32 {
	dst = dst[:len(src)]
	sum, done := copyFast(dst, src, sum)
	if done {
		return sum
	}
	copy(dst, src)
	return crc32.Update(sum, table, dst)
}

// Join returns the checksum of two stretches of bytes, one after the other: first and second are their checksums, and
// the second has n bytes.
func Join(first, second uint32, n int) uint32 { return multiply(powerOfX(n), first) ^ second }

// A checksum is the remainder of a polynomial over GF(2), in which the highest bit is the coefficient of x^0. The bytes
// that follow multiply it by x^8 each.

// squares holds x^(8 * 2^i) modulo the polynomial of the checksum.
var squares = func() (all [63]uint32) {
	all[0] = 1 << (31 - 8)
	for i := range len(all) - 1 {
		all[i+1] = multiply(all[i], all[i])
	}
	return all
}()

// powerOfX returns x^(8n) modulo the polynomial of the checksum.
func powerOfX(n int) uint32 {
	power := uint32(1 << 31)
	for i := 0; n > 0; i++ {
		if n&1 != 0 {
			power = multiply(squares[i], power)
		}
		n >>= 1
	}
	return power
}

// multiply returns the product of two polynomials modulo the polynomial of the checksum. It has no branches, because
// they would depend on bits that cannot be predicted.
func multiply(a, b uint32) (product uint32) {
	for range 32 {
		product ^= b & -(a >> 31)
		a <<= 1
		b = b>>1 ^ crc32.Castagnoli&-(b&1)
	}
	return product
}
