package stages

import (
	"fmt"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
)

// A sender makes files: one begins where its tracks change, where its clock jumps and
// behind packets that were lost. One that does so with each picture would fill the
// disk with files, and keep it busy with making them. So maxBreaks may come at once,
// and one each breakEvery; what comes between is left out, counted, as a gap. Losses
// may come with each GOP of an honest camera: they count for a quarter.
const (
	maxBreaks  = 60
	breakEvery = int64(time.Second)
	lossEvery  = breakEvery / 4
)

// breaks is how many of them a sender has left: next is when all are again, ns of
// Chunk.UTC less Stepped.
type breaks struct{ next int64 }

// take takes one, or a part, at a time; false where not as much is left.
func (b *breaks) take(at, ns int64) bool {
	const most = maxBreaks * breakEvery
	b.next = min(max(b.next, at), at+most) // at may step back
	if b.next+ns > at+most {
		return false
	}
	b.next += ns
	return true
}

// bySender reports whether the end of a file before the next chunk comes of what was
// sent, and not of what happened here.
func (s *segmenter) bySender(why media.Cause) bool {
	switch s.gap.Cause {
	case media.GapTimestampJump, media.GapRTPLoss:
		return why == endcause.TracksChanged || why == endcause.Gap
	case "":
		return why == endcause.TracksChanged
	}
	return false
}

// restless leaves a chunk out while the sender's breaks are used up.
func (s *segmenter) restless(c *media.Chunk, end media.Cause) bool {
	at, takes := c.UTC-c.Stepped, breakEvery
	if end == endcause.Gap && s.gap.Cause == media.GapRTPLoss {
		takes = lossEvery
	}
	switch {
	case s.outOfBreaks:
		s.outOfBreaks = !c.StartsGOP && c.NextGOP(0) < 0 || !s.breaks.take(at, takes)
	case end != "" && s.bySender(end):
		s.outOfBreaks = !s.breaks.take(at, takes)
	case s.breaks.next <= at:
		s.files.Store(nil)
	}
	if !s.outOfBreaks {
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

// tellOfFiles reports the trouble, which lasts until the sender has all its breaks again.
func (s *segmenter) tellOfFiles() {
	p := &pipeline.Problem{
		Problem: string(media.GapTooManyFiles), Since: s.set.Clock.Now(), Stream: s.set.Stream, Failing: true,
		Cause:  fmt.Sprintf("the source's tracks change, its clock jumps or packets are missing, %d times and more than once a second: one file a second is begun, and what would be others is left out", maxBreaks),
		Remedy: "look what the source sends: resolution, parameter sets and timestamps should go on from picture to picture",
	}
	s.files.Store(p)
	s.set.Log.Warn("too many files would begin: media is left out", "cause", p.Cause, "remedy", p.Remedy)
}
