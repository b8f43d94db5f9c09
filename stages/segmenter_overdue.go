package stages

import (
	"fmt"
	"math/bits"
	"sync/atomic"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
)

// A file that has passed its limit stays open until the next key frame, however
// long that takes: what comes before it could not be decoded in a file of its
// own. It is reported from twice the limit on. Only its size ends it earlier:
//
//	limit       2 x limit                    size bound          key frame
//	  |            |                              |                  |
//	--+------------+------------------------------+------------------+--
//	  file goes on | ... with a warning           | gap, counted     | next file
const (
	sizeBoundTimes = 4       // max_size
	sizeBoundGOP   = 4 << 30 // bytes since the last key frame, where there is no max_size
)

// patience is how long a run that has no file yet waits for a key frame before
// that is reported, if pictures have come: where they are rare none may have.
const patience = int64(10 * time.Second)

// keyFrameRemedy tells a person what to do.
const keyFrameRemedy = "set the camera's key frame interval to 1-4 s"

// tooLarge tells whether an open segment that has passed its limit must end
// before a chunk although no key frame has come.
func (s *segmenter) tooLarge(c *media.Chunk) bool {
	if !s.past(c, 1) {
		return false
	}
	if n := int64(s.cfg.MaxSize); n > 0 {
		return s.bytes+int64(c.Bytes()) > sizeBoundTimes*n
	}
	return s.gopBytes+int64(c.Bytes()) > sizeBoundGOP
}

// past tells whether the open segment has reached a limit so many times over.
func (s *segmenter) past(c *media.Chunk, times int64) bool {
	maxTime, maxSize := int64(s.cfg.MaxDuration), int64(s.cfg.MaxSize)
	return maxTime > 0 && s.lasted(c) >= times*maxTime ||
		maxSize > 0 && s.bytes >= times*maxSize ||
		s.clock.passed(c.UTC, times)
}

// seeKeyFrame follows how long a segment that should have ended goes on, before a
// chunk is passed.
func (s *segmenter) seeKeyFrame(c *media.Chunk) {
	switch {
	case c.StartsGOP:
		s.keyless = 0
		s.keyFrameCame()
	case !s.overdue && s.past(c, 2):
		s.overdue = true
		s.warn("the file goes on past its limit until one comes", false)
	}
	s.keyless += c.Span()
}

// drop leaves a chunk out that no file can begin with.
func (s *segmenter) drop(c *media.Chunk) {
	defer c.Release()
	count := &s.late
	if s.index == 0 {
		count = &s.early
	}
	count.add(c)
	s.keyless += c.Span()
	if s.index > 0 || !s.gap.None() { // else nothing was recorded before, so nothing is missing
		s.gap = s.gap.Plus(s.leftOut(c, media.GapNoKeyFrame))
	}
	s.pictures = s.pictures || c.Lead().Len() > 0
	if !s.starved && (s.index > 0 || s.keyless >= patience && s.pictures) {
		s.starved = true
		s.warn("nothing is recorded until one comes", true)
	}
}

// warn reports that no key frame comes, and logs it.
func (s *segmenter) warn(result string, failing bool) {
	without := time.Duration(s.keyless).Round(time.Millisecond)
	s.trouble.Store(&pipeline.Problem{
		Problem: string(media.GapNoKeyFrame), Since: s.set.Clock.Now(), Stream: s.set.Stream,
		Cause: fmt.Sprintf("no key frame has come for %v: %s", without, result), Remedy: keyFrameRemedy, Failing: failing,
	})
	if s.warned++; bits.OnesCount64(s.warned) == 1 { // 1, 2, 4, 8...: with some cameras it is so in every file
		s.set.Log.Warn("no key frame: "+result, "seconds", without.Seconds(), "remedy", keyFrameRemedy, "times_so_far", s.warned)
	}
}

// keyFrameCame ends the trouble; so does the end of the segment that had it.
func (s *segmenter) keyFrameCame() {
	s.overdue, s.starved = false, false
	s.trouble.Store(nil)
}

// dropped counts what no file could begin with.
type dropped struct{ units, bytes atomic.Uint64 }

func (d *dropped) add(c *media.Chunk) {
	d.units.Add(uint64(c.AccessUnits()))
	d.bytes.Add(uint64(c.Bytes()))
}

func (d *dropped) report(r *pipeline.Report, stage, cause string) {
	if n := d.units.Load(); n > 0 {
		r.Drops = append(r.Drops, pipeline.Drop{Stage: stage, Cause: cause, AccessUnits: n, Bytes: d.bytes.Load()})
	}
}
