package stages

import (
	"fmt"
	"math/bits"
	"sync/atomic"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
)

// A file that has passed a limit stays open until the next key frame, because the media before that
// key frame could not be decoded in a file of its own. From twice the limit on, a warning is
// reported. Without a key frame, only the size bound ends the file:
//
//	limit       2 x limit                    size bound          key frame
//	  |            |                              |                  |
//	--+------------+------------------------------+------------------+--
//	  file goes on | ... with a warning           | gap, counted     | next file
const (
	sizeBoundTimes    = 4       // the size bound is this many times max_size
	sizeBoundGOPBytes = 4 << 30 // the size bound, since the last key frame, if max_size is 0
)

// keyFramePatienceNS is the time without a key frame after which a run that has no file yet reports
// a problem. The run reports it only if pictures have come: a stream with rare pictures may not
// have sent one yet.
const keyFramePatienceNS = int64(10 * time.Second)

// keyFrameRemedy is the remedy of the problem that no key frame comes.
const keyFrameRemedy = "set the camera's key frame interval to 1-4 s"

// tooLarge reports whether the open segment must end before chunk c, although no key frame has
// come: it has passed a limit, and would exceed the size bound with c.
func (s *segmenter) tooLarge(c *media.Chunk) bool {
	if !s.past(c, 1) {
		return false
	}
	if n := int64(s.cfg.MaxSize); n > 0 {
		return s.segmentBytes+int64(c.Bytes()) > sizeBoundTimes*n
	}
	return s.gopBytes+int64(c.Bytes()) > sizeBoundGOPBytes
}

// past reports whether the open segment, before chunk c, has gone past a limit: whether it has
// reached times the max_duration or times the max_size. With align, it also reports whether it has
// passed the next cut and times-1 further cuts.
func (s *segmenter) past(c *media.Chunk, times int64) bool {
	maxTime, maxSize := int64(s.cfg.MaxDuration), int64(s.cfg.MaxSize)
	return maxTime > 0 && s.lasted(c) >= times*maxTime ||
		maxSize > 0 && s.segmentBytes >= times*maxSize ||
		s.clock.passed(c.UTC, times)
}

// seeKeyFrame adds chunk c to the time since the newest key frame, and begins that time anew at a
// key frame. It warns when the open segment reaches twice a limit without a key frame. The caller
// calls it before it passes c on.
func (s *segmenter) seeKeyFrame(c *media.Chunk) {
	switch {
	case c.StartsGOP:
		s.keylessNS = 0
		s.keyFrameCame()
	case !s.overdue && s.past(c, 2):
		s.overdue = true
		s.warn("the file goes on past its limit until one comes", false)
	}
	s.keylessNS += c.SpanNS()
}

// drop leaves a chunk out because no segment is open and the chunk has no key frame to begin one.
// It counts the chunk and adds it to the gap before the next file.
func (s *segmenter) drop(c *media.Chunk) {
	defer c.Release()
	count := &s.late
	if s.index == 0 {
		count = &s.early
	}
	count.add(c)
	s.keylessNS += c.SpanNS()
	if s.index > 0 || !s.gap.None() { // without an earlier file nothing is missing before the first one
		s.gap = s.gap.Plus(s.leftOut(c, media.GapNoKeyFrame))
	}
	s.pictures = s.pictures || c.Lead().Len() > 0
	if !s.starved && (s.index > 0 || s.keylessNS >= keyFramePatienceNS && s.pictures) {
		s.starved = true
		s.warn("nothing is recorded until one comes", true)
	}
}

// warn sets and logs the problem that no key frame comes. result describes what follows from that,
// and failing reports whether nothing is recorded.
func (s *segmenter) warn(result string, failing bool) {
	without := time.Duration(s.keylessNS).Round(time.Millisecond)
	s.trouble.Store(&pipeline.Problem{
		Problem: string(media.GapNoKeyFrame), Since: s.set.Clock.Now(), Stream: s.set.Stream,
		Cause: fmt.Sprintf("no key frame has come for %v: %s", without, result), Remedy: keyFrameRemedy, Failing: failing,
	})
	if s.warned++; bits.OnesCount64(s.warned) == 1 { // 1st, 2nd, 4th, 8th...: some cameras cause it in every file
		s.set.Log.Warn("no key frame: "+result, "seconds", without.Seconds(), "remedy", keyFrameRemedy, "times_so_far", s.warned)
	}
}

// keyFrameCame ends the problem that no key frame comes, at a key frame or at the end of the
// segment.
func (s *segmenter) keyFrameCame() {
	s.overdue, s.starved = false, false
	s.trouble.Store(nil)
}

// dropped counts media that was left out.
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
