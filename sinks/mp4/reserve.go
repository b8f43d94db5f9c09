package mp4

import (
	"time"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// The size of the reserve in bytes: the free box into which finishing puts the final moov. A
// second of video with variable frame rate and B-frames needs some 830 bytes of moov, a second
// of constant frame rate and AAC 330. The rest is spare, because a segment may exceed its limit
// up to the next key frame. In addition to moovBaseBytes, a segment with a maximum duration
// reserves moovBytesPerSecond. A segment with a maximum size reserves the part 1/moovShare of
// that size, which at 1 Mbit/s is 490 bytes a second. With both limits the smaller result
// counts. A segment without a limit reserves moovUnboundedBytes, which suffice for some 10 to 26
// minutes: a larger moov goes to the end of the file.
const (
	moovBaseBytes      = 17 << 10
	moovBytesPerSecond = 1200
	moovShare          = 256
	moovUnboundedBytes = 512 << 10
	maxMoovBytes       = 64 << 20
)

// The size of the reserve with fragment: true, the free box into which finishing puts the sidx. A
// sidx has 12 bytes a reference. A file without a maximum duration gets room for the references of
// sidxUnbounded.
const (
	sidxUnbounded = 24 * time.Hour
	minSidxBytes  = 2 << 10
	maxSidxBytes  = isobmff.SidxFixedBytes + isobmff.MaxReferences*isobmff.ReferenceBytes + 8
)

// reserveFor returns the least size in bytes of the reserve of a segment's file: the free box
// into which finishing puts the final moov or the sidx. The reserve takes disk space only while
// the file grows.
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
