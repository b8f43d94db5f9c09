package stages

import (
	"fmt"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
)

// A sender causes a new file by a change of its tracks, a jump of its clock, or packet loss. A
// sender that does so with every picture would fill the disk with files. So a sender may cause
// maxBreaks files at once, and a further one each breakEveryNS. Beyond that its media is left out
// and counted as a gap. Even a well-behaved camera may lose packets in every GOP, so packet loss
// costs only a quarter of a file.
const (
	maxBreaks    = 60
	breakEveryNS = int64(time.Second)
	lossEveryNS  = breakEveryNS / 4
)

// breakBudget is a token bucket of file changes that a sender causes, counted in ns: a file change
// costs breakEveryNS, or lossEveryNS. It fills with time, up to maxBreaks file changes. fullAt is
// the time at which it is full again, in ns of Chunk.UTC less Chunk.SteppedNS.
type breakBudget struct{ fullAt int64 }

// take removes ns from the budget at the time at. If less is left, it removes nothing and returns
// false.
func (b *breakBudget) take(at, ns int64) bool {
	const most = maxBreaks * breakEveryNS
	b.fullAt = min(max(b.fullAt, at), at+most) // at may be earlier than in the last call
	if b.fullAt+ns > at+most {
		return false
	}
	b.fullAt += ns
	return true
}

// bySender reports whether the sender causes the end of the open file, whose reason is why.
func (s *segmenter) bySender(why media.Cause) bool {
	switch cause := s.gap.Cause; {
	case cause == media.GapTimestampJump, cause.OfNetwork(), cause == media.GapClockStep: // the sender may date the chunks
		return why == endcause.TracksChanged || why == endcause.Gap
	case cause == "":
		return why == endcause.TracksChanged
	}
	return false
}

// restless reports whether to leave out chunk c because the sender has used up its budget of files;
// it then counts and releases c. end is the reason why the open file ends before c, or "" if the
// file does not end.
func (s *segmenter) restless(c *media.Chunk, end media.Cause) bool {
	at, takes := c.UTC-c.SteppedNS, breakEveryNS
	if end == endcause.Gap && s.gap.Cause.OfNetwork() {
		takes = lossEveryNS
	}
	switch {
	case s.overFileRate:
		s.overFileRate = !c.StartsGOP && c.NextGOP(0) < 0 || !s.fileRate.take(at, takes)
	case end != "" && s.bySender(end):
		s.overFileRate = !s.fileRate.take(at, takes)
	case s.fileRate.fullAt <= at:
		s.files.Store(nil)
	}
	if !s.overFileRate {
		return false
	}
	defer c.Release()
	s.tooMany.add(c)
	s.gap = s.gap.Plus(s.leftOut(c, media.GapTooManyFiles))
	if s.files.Load() == nil {
		s.tellOfFiles()
	}
	return true
}

// tellOfFiles sets and logs the problem of too many files. The problem lasts until the budget is
// full again.
func (s *segmenter) tellOfFiles() {
	p := &pipeline.Problem{
		Problem: string(media.GapTooManyFiles), Since: s.set.Clock.Now(), Stream: s.set.Stream, Failing: true,
		Cause:  fmt.Sprintf("the source's tracks change, its clock jumps or packets are missing, %d times and more than once a second: one file a second is begun, and the other media is left out", maxBreaks),
		Remedy: "check the stream of the source: resolution, parameter sets and timestamps should continue from picture to picture",
	}
	s.files.Store(p)
	s.set.Log.Warn("too many files would begin: media is left out", "cause", p.Cause, "remedy", p.Remedy)
}
