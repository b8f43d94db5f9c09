// Package isobmfftest makes the bytes of boxes, including damaged ones, for tests of programs that
// read them.
package isobmfftest

import (
	"bytes"

	"github.com/gospool/spool/pipeline/isobmff"
)

// U32 returns the bytes of 32-bit numbers, big endian.
func U32(v ...uint32) []byte {
	var w isobmff.Writer
	for _, v := range v {
		w.U32(v)
	}
	return w.B
}

// Box returns a box whose payload consists of the parts one after another. A part may be a box.
func Box(fourcc string, parts ...[]byte) []byte {
	var w isobmff.Writer
	w.Box(fourcc, bytes.Join(parts, nil))
	return w.B
}

// LargeHeader returns the 16-byte header of a box that claims to have size bytes, including the
// header.
func LargeHeader(fourcc string, size uint64) []byte {
	var w isobmff.Writer
	w.LargeHeader(fourcc, int64(size))
	return w.B
}

// Again returns part, repeated until the result has more than n bytes.
func Again(part []byte, n int) []byte { return bytes.Repeat(part, n/len(part)+1) }
