//go:build !amd64

package crc32c

// copyFast does nothing: Copy then copies first and computes the checksum of bytes that are in the CPU caches.
func copyFast(_, _ []byte, sum uint32) (after uint32, done bool) { return sum, false }
