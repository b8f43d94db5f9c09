package stages

import (
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
)

// leftGap is what was missing at the end of a run, for the first file of the next.
type leftGap struct {
	gap     media.Gap
	stepped int64 // ns, Chunk.Stepped of the last file
}

// Close lets a gap be left in a Handover.
func (leftGap) Close() {}

// noteGap adds what is missing before a chunk: said by the chunk itself, seen
// from a hole in the sequence, or left by an earlier run. Marks have said theirs.
func (s *segmenter) noteGap(c *media.Chunk) {
	gap := c.GapFrom(s.leftUntil)
	if c.StartsGOP && s.cur == nil && c.Seq <= s.nextSeq { // the file that ended before it has told them
		gap.Duration -= min(s.foretold, gap.Duration)
	}
	if c.StartsGOP || c.Seq > s.nextSeq { // or the key frame may have come unseen
		s.foretold = 0
	}
	switch {
	case s.nextSeq == 0 && s.set.After != nil && s.set.Mode != pipeline.Event:
		gap = longer(gap, gapSince(s.set.After, c))
	case s.nextSeq == 0:
	case s.apart: // what lies between was not asked for
		s.fileStepped = c.Stepped
	case s.gap.None() && c.Seq > s.nextSeq: // both parts of a chunk have its number
		since := c.UTC - s.nextUTC - (c.Stepped - s.stepped)
		hole := media.Gap{Cause: c.HoleCause(), Chunks: int(c.Seq - s.nextSeq), Duration: max(since-gap.Duration, 0)}
		gap = hole.Plus(gap)
	}
	s.gap = s.gap.Plus(gap)
	s.nextSeq, s.nextUTC, s.stepped, s.apart = c.Seq+1, c.UTC+c.Span(), c.Stepped, false
	s.noteStep(c)
}

// foretell adds up what a chunk of the open file says is missing that the gap before the
// next file tells, if one begins with the next key frame. Where the file ends before, it
// tells of it itself.
func (s *segmenter) foretell(c *media.Chunk) {
	for i := range c.Gaps {
		if c.Gaps[i].Next {
			s.foretold += c.Gaps[i].Missing()
		}
	}
}

// leftOut returns what is missing once a chunk is left out: see media.Chunk.LeftOut.
func (s *segmenter) leftOut(c *media.Chunk, why media.Cause) media.Gap {
	gap := c.LeftOut(why, s.leftUntil)
	s.leftUntil = c.Until()
	return gap
}

// noteStep ends the file where the wall clock was set since it began: by that
// clock the next one is not where this one ends.
func (s *segmenter) noteStep(c *media.Chunk) {
	if !s.behind || !c.StartsGOP {
		return
	}
	s.gap.Step = media.ClockStep(c.Stepped - s.fileStepped)
	if s.gap.Step != 0 && s.gap.None() {
		s.gap.Cause = media.GapClockStep
	}
}

// gapSince returns what an earlier run of the pipeline left missing by failing, before
// a chunk.
func gapSince(e *pipeline.Ended, c *media.Chunk) media.Gap {
	if e.Err == nil {
		return media.Gap{}
	}
	since := e.At
	if !e.Written.IsZero() {
		since = e.Written
	}
	step := c.Stepped - int64(pipeline.Stepped(e.At))
	return media.Gap{Cause: media.GapRestart, Duration: max(c.UTC-since.UnixNano()-step, 0)}
}

// longer returns the longer of two gaps that end at the same chunk: they overlap.
func longer(a, b media.Gap) media.Gap {
	if a.None() || b.Duration > a.Duration {
		return b
	}
	return a
}

// tell logs the gap before a file.
func (s *segmenter) tell() {
	switch {
	case s.gap.Cause == media.GapClockStep:
		s.set.Log.Warn("this machine's clock was set: a new file begins, nothing is missing",
			"set_by", time.Duration(s.gap.Step).Round(time.Millisecond))
	case s.gap.Lossless():
		s.set.Log.Warn("the sender's clock jumped: a new file begins, nothing is missing")
	default:
		s.set.Log.Warn("media is missing before this file",
			"cause", string(s.gap.Cause), "duration", time.Duration(s.gap.Duration).Round(time.Millisecond), "chunks", s.gap.Chunks)
	}
}
