package file

import (
	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// Frames of uncompressed sound of which each is a sample of the file are joined to access units of a fraction of a
// second, and of maxJoinedBytes at most.
const (
	joinedPerSecond = 25
	maxJoinedBytes  = 64 << 10
)

// joins says which samples of a track are joined: those of one frame of uncompressed sound. The zero value joins no
// samples.
type joins struct {
	frameBytes uint32 // size of a frame: a sample of each channel
	most       uint32 // frames in an access unit; 0 or 1: samples are not joined
}

func joinsOf(t *media.Track) joins {
	frameBytes := codec.Of(t.Codec).FrameBytes
	if frameBytes == nil {
		return joins{}
	}
	n := frameBytes(t)
	if n <= 0 || n > maxJoinedBytes {
		return joins{}
	}
	return joins{uint32(n), min(t.Timescale/joinedPerSecond, maxJoinedBytes/uint32(n))}
}

// frame reports whether a sample of a fragment is joined to those after it that are alike.
func (j joins) frame(s *isobmff.RunSample) bool {
	return j.most > 1 && s.SizeBytes == j.frameBytes && s.OffsetTicks == 0 && s.DurationTicks > 0 && s.Sync()
}

// units returns a bound of the number of access units that the samples of a run become.
func (j joins) units(run *isobmff.Trun, defaults *isobmff.SampleDefaults) int64 {
	n := int64(run.Count)
	if n < 2 || !run.Uniform() {
		return n
	}
	if last := run.Sample(1, defaults); !j.frame(&last) { // the first may have flags of its own
		return n
	}
	return n/int64(j.most) + 2
}
