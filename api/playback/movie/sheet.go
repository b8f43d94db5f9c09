package movie

import (
	"fmt"
	"math"
	"sort"

	"github.com/gospool/spool/pipeline/isobmff"
)

// sheet is a virtual file: fixed bytes, with pieces between them that are made when they are read.
type sheet struct {
	isobmff.Writer // the fixed bytes
	pieces         []piece
	madeBytes      int64 // of the pieces
}

// piece is a range of the virtual file that is made when it is read.
type piece struct {
	at     int64 // offset in the virtual file
	fixed  int   // number of fixed bytes before it
	size   int64
	track  int
	part   int // source for the content media of a whole clip
	result content
}

// content is the kind of a piece.
type content uint8

const (
	durations  content = iota + 1 // entries of stts
	offsets                       // entries of ctts
	spans                         // entries of stsc
	sizes                         // entries of stsz
	places                        // entries of co64
	syncs                         // entries of stss
	clipBytes                     // bytes of a clip's file
	partBytes                     // samples of a part
	clockTexts                    // texts of the clock for a clip
)

// piece appends a piece.
func (s *sheet) piece(p piece) {
	if p.size == 0 {
		return
	}
	p.fixed, p.at = len(s.B), int64(len(s.B))+s.madeBytes
	s.pieces = append(s.pieces, p)
	s.madeBytes += p.size
}

// sizeBytes returns the size of the virtual file.
func (s *sheet) sizeBytes() int64 { return int64(len(s.B)) + s.madeBytes }

// nested is an open box of a sheet.
type nested struct {
	at   int
	made int64
}

func (s *sheet) begin(fourcc string) nested { return nested{s.Open(fourcc), s.madeBytes} }

// table begins a full box whose entries are pieces, with the fields before them.
func (s *sheet) table(fourcc string, version uint8, fields ...uint32) nested {
	n := nested{s.OpenFull(fourcc, version, 0), s.madeBytes}
	for _, f := range fields {
		s.U32(f)
	}
	return n
}

// end ends a box: its size includes the pieces in it.
func (s *sheet) end(n nested) {
	size := int64(len(s.B)-n.at) + s.madeBytes - n.made
	if size > math.MaxUint32 {
		s.Fail(fmt.Errorf("the tables of the span have %d bytes, and a box at most %d: ask for a shorter span", size, int64(math.MaxUint32)))
		size = 0
	}
	s.Patch(n.at, uint32(size))
}

// find returns the piece that has the byte at an offset of the virtual file. If fixed bytes have it, it returns them from the
// offset up to the next piece.
func (s *sheet) find(at int64) (p *piece, fixed []byte) {
	n := sort.Search(len(s.pieces), func(i int) bool { return s.pieces[i].at > at }) - 1 // the last one that begins at or before at
	if n >= 0 && at < s.pieces[n].at+s.pieces[n].size {
		return &s.pieces[n], nil
	}
	from, made, to := at, int64(0), len(s.B)
	if n >= 0 {
		made = s.pieces[n].at + s.pieces[n].size - int64(s.pieces[n].fixed)
	}
	if n+1 < len(s.pieces) {
		to = s.pieces[n+1].fixed
	}
	return nil, s.B[from-made : to]
}
