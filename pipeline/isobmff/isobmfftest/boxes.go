// Package isobmfftest writes boxes that no program writes, for tests of what reads them.
package isobmfftest

import (
	"bytes"

	"github.com/gospool/spool/pipeline/isobmff"
)

// U32 are numbers of 32 bits.
func U32(v ...uint32) []byte {
	var w isobmff.Writer
	for _, v := range v {
		w.U32(v)
	}
	return w.B
}

// Box is a box of boxes, or of bytes.
func Box(fourcc string, parts ...[]byte) []byte {
	var w isobmff.Writer
	w.Box(fourcc, bytes.Join(parts, nil))
	return w.B
}

// LargeHeader is a header of 16 bytes that says that its box has so many bytes in all.
func LargeHeader(fourcc string, size uint64) []byte {
	var w isobmff.Writer
	w.LargeHeader(fourcc, int64(size))
	return w.B
}

// Again is about n bytes of one thing.
func Again(part []byte, n int) []byte { return bytes.Repeat(part, n/len(part)+1) }
