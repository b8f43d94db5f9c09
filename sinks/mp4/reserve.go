package mp4

import (
	"time"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// The reserve for the final moov. Variable frame rate with B-frames needs some 830 bytes a
// second, constant frame rate with AAC 330; a segment may exceed its limit up to the next key
// frame. At 1/256 of its size a file at 1 Mbit/s has 490 bytes a second.
const (
	moovBaseBytes      = 17 << 10
	moovBytesPerSecond = 1200
	moovShare          = 256
	moovUnboundedBytes = 512 << 10 // some twenty minutes; a longer moov goes to the end of the file
	maxMoovBytes       = 64 << 20
)

// The reserve for the sidx: 12 bytes a fragment. A file without a limit has room for a day of
// fragments.
const (
	sidxUnbounded = 24 * time.Hour
	minSidxBytes  = 2 << 10
	maxSidxBytes  = isobmff.SidxFixedBytes + isobmff.MaxReferences*isobmff.ReferenceBytes + 8
)

// reserveFor returns the number of bytes to reserve for finishing a segment's file. The reserve
// takes disk space only while the file grows.
func reserveFor(s *media.Segment, cfg Config) int64 {
	if cfg.Fragment {
		longest := s.MaxDuration
		if longest <= 0 {
			longest = sidxUnbounded
		}
		fragments := int64(longest/cfg.FragmentDuration.D()) + 1
		return min(max(isobmff.SidxFixedBytes+8+fragments*isobmff.ReferenceBytes*5/4, minSidxBytes), maxSidxBytes)
	}
	want := int64(0)
	if s.MaxDuration > 0 {
		want = moovBaseBytes + int64(s.MaxDuration/time.Second+1)*moovBytesPerSecond
	}
	if s.MaxBytes > 0 {
		if n := moovBaseBytes + s.MaxBytes/moovShare; want == 0 || n < want {
			want = n
		}
	}
	if want == 0 {
		return moovUnboundedBytes
	}
	return min(want, maxMoovBytes)
}
