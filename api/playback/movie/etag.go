package movie

import (
	"crypto/sha256"
	"fmt"
)

// etag returns an ETag of everything that the bytes of the file are made of: the fixed bytes, and for each piece the samples and the times.
func (m *Movie) etag() string {
	h := sha256.New()
	h.Write(m.sheet.B)
	for i := range m.sources {
		s := &m.sources[i]
		h.Write(s.id[:])
		fmt.Fprintln(h, s.fromByte, s.toByte)
	}
	for i := range m.tracks {
		for k := range m.tracks[i].parts {
			p := &m.tracks[i].parts[k]
			fmt.Fprintln(h, p.source, p.track, p.entry, p.first, p.end, p.zeroTicks, p.lastTicks, p.bytes, p.offsets, p.counts.durations, p.stretches)
		}
	}
	return fmt.Sprintf(`"%x"`, h.Sum(nil)[:16])
}
