package mp4

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/gospool/spool/pipeline/isobmff"
)

// A chunk is sealed by a CRC32C when it is written, and is whole at recovery only where
// its bytes still have it.

// castagnoli is CRC32C, which amd64 and arm64 compute in hardware.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// sealUUID is the type of the box that ends each moof of ours.
const sealUUID = "\x5d\x0c\x91\x3e\x7a\x54\x4b\x1f\x9e\x26\x1c\x8b\x40\xf7\xd3\x02"

// sealBytes is the size of that box: header, type, CRC. Before the CRC there are
// as many zeros as make the payload begin on a boundary of payloadAlign bytes in
// the file, as it does in memory: write(2) then copies in whole cache lines, which
// is an eighth cheaper, and more than twice as cheap as at an offset a few bytes
// past that of the source.
const (
	sealBytes    = 8 + 16 + 4
	payloadAlign = 64
)

// seedOf ties the checksums of a file to its segment.
func seedOf(id string) uint32 { return crc32.Checksum([]byte(id), castagnoli) }

// openSeal appends the box, with zeros in place of the checksum, and returns where that
// goes.
func (f *fragment) openSeal(w *isobmff.Writer) (crcAt int) {
	seal := w.OpenUUID(sealUUID)
	var zeros [payloadAlign]byte
	begin := f.at + int64(len(w.B)) + 4 + 8
	w.B = append(w.B, zeros[:-begin&(payloadAlign-1)]...)
	crcAt = len(w.B)
	w.U32(0)
	w.Close(seal)
	return crcAt
}

// checksum covers everything of the fragment but the checksum itself. It starts
// from the segment's ID, so that a whole fragment of an older file, left on the
// disk's free blocks, is not taken for one of this file.
func (f *fragment) checksum(head []byte, crcAt int) uint32 {
	crc := crc32.Update(f.seed, castagnoli, head[:crcAt])
	crc = crc32.Update(crc, castagnoli, head[crcAt+4:])
	for i := range f.runs {
		for _, b := range f.runs[i].cols.Payload.Blocks() {
			crc = crc32.Update(crc, castagnoli, b)
		}
	}
	return crc
}

// sealed reads a chunk and reports whether it is as it was written: recovery believes no
// other.
func (s *chunkScan) sealed(head, payload int64) (bool, error) {
	crc := crc32.Update(s.file.seed, castagnoli, s.buf[:head-4])
	at, left := s.pos+head, payload+8
	if want := min(left, scanBlock); int64(len(s.data)) < want {
		s.data = make([]byte, want)
	}
	for left > 0 {
		b := s.data[:min(left, scanBlock)]
		if _, err := s.in.ReadAt(b, at); err != nil {
			return false, fmt.Errorf("read at byte %d: %w", at, err)
		}
		crc = crc32.Update(crc, castagnoli, b)
		at, left = at+int64(len(b)), left-int64(len(b))
	}
	return crc == binary.BigEndian.Uint32(s.buf[head-4:]), nil
}
