package index

import (
	"hash/crc32"

	"github.com/gospool/spool/pipeline/media"
)

// MendChecksums corrects the checksums of bytes that may be an index, so that a fuzzer gets past them.
func MendChecksums(b []byte) {
	if len(b) < headBytes {
		return
	}
	copy(b, magic)
	le.PutUint32(b[8:], Version)
	le.PutUint64(b[40:], uint64(len(b)))
	n := int(min(le.Uint32(b[12:]), 4))
	le.PutUint32(b[12:], uint32(n))
	end := headBytes + n*trackBytes
	if len(b) < end+4 {
		return
	}
	le.PutUint32(b[end:], crc32.Checksum(b[:end], castagnoli))
	blocks := end + 4
	var samples [4]int64
	for i := range n {
		t := readTrack(b[headBytes+i*trackBytes:])
		samples[i] = t.blocks()
		if t.Samples < 0 || samples[i] > int64(len(b)/entryBytes) {
			return
		}
		blocks += int(samples[i]) * entryBytes
	}
	var id media.ID
	copy(id[:], b[16:])
	at := end + 4
	for i := range n {
		for k := range samples[i] {
			if at+entryBytes > len(b) {
				return
			}
			e := b[at : at+entryBytes]
			place := le.Uint64(e[16:])
			from := blocks + int(place>>16)
			if to := from + int(place&0xffff); from >= 0 && to <= len(b) {
				le.PutUint32(e[32:], crc32.Checksum(b[from:to], castagnoli))
			}
			le.PutUint32(e[36:], crc32.Update(new(seeds).of(id, i, k), castagnoli, e[:36]))
			at += entryBytes
		}
	}
}
