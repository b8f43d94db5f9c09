package stages

import (
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
)

// leftGap is the gap since the end of the last file, which a run hands over to the next run.
type leftGap struct {
	gap       media.Gap
	steppedNS int64 // Chunk.SteppedNS of the last file
}

// Close does nothing, because a gap holds no resource. It implements the interface of
// Handover.Leave.
func (leftGap) Close() {}

// noteGap adds to s.gap the media that is missing before a chunk: Chunk.Gap, a hole in the sequence
// numbers, and the time since the end of a failed run. obey adds the gaps of gap marks.
func (s *segmenter) noteGap(c *media.Chunk) {
	gap := c.GapFrom(s.leftUntilSteadyUTC)
	if s.nextSeq == 0 && s.precedesRecording(gap) {
		gap = media.Gap{}
	}
	if c.StartsGOP && s.cur == nil && c.Seq <= s.nextSeq { // the ended file has listed this part of the gap
		gap.DurationNS -= min(s.foretoldNS, gap.DurationNS)
	}
	if c.StartsGOP || c.Seq > s.nextSeq { // c.Seq > s.nextSeq: the key frame may have been dropped
		s.foretoldNS = 0
	}
	switch {
	case s.nextSeq == 0 && s.set.After != nil && s.set.Mode != pipeline.ModeEvent:
		gap = longer(gap, gapSince(s.set.After, c))
	case s.nextSeq == 0:
	case s.apart: // nothing was to be recorded between two events
		s.fileSteppedNS = c.SteppedNS
	case s.gap.None() && c.Seq > s.nextSeq: // c.Seq == s.nextSeq-1 for the second half of a split chunk
		since := c.UTC - s.nextUTC - (c.SteppedNS - s.newestSteppedNS)
		hole := media.Gap{Cause: c.HoleCause(), Chunks: int(c.Seq - s.nextSeq), DurationNS: max(since-gap.DurationNS, 0)}
		gap = hole.Plus(gap)
	}
	s.gap = s.gap.Plus(gap)
	s.nextSeq, s.nextUTC, s.newestSteppedNS, s.apart = c.Seq+1, c.UTC+c.SpanNS(), c.SteppedNS, false
	s.noteStep(c)
}

// precedesRecording reports whether gap, which the first chunk of the run carries, lies before the
// recording, so that the recording misses nothing. In a pipeline of mode manual or always, that is
// so if no run has written media yet. A pipeline of mode event reads media long before its first
// file. So only a gap of cause GapSourceLost counts, and only in the first run: a run ends with its
// publisher, so the source was lost before that run began.
func (s *segmenter) precedesRecording(gap media.Gap) bool {
	after := s.set.After
	if s.set.Mode == pipeline.ModeEvent {
		return after == nil && !s.behind && gap.Cause == media.GapSourceLost
	}
	return !s.behind && (after == nil || after.Written.IsZero())
}

// foretell remembers, in s.foretoldNS, the gaps inside chunk c that two files may list. The open
// file lists them. Chunk.Gap of the next key frame contains them, too: they have media.Gap.Next
// set. If the next file begins with that key frame, noteGap subtracts them from the gap before that
// file.
func (s *segmenter) foretell(c *media.Chunk) {
	for i := range c.Gaps {
		if c.Gaps[i].Next {
			s.foretoldNS += c.Gaps[i].Missing()
		}
	}
}

// leftOut returns the gap that results when the segmenter leaves out chunk c for the cause why: see
// media.Chunk.LeftOut. It sets s.leftUntilSteadyUTC to the end of c.
func (s *segmenter) leftOut(c *media.Chunk, why media.Cause) media.Gap {
	gap := c.LeftOut(why, s.leftUntilSteadyUTC)
	s.leftUntilSteadyUTC = c.EndSteadyUTC()
	return gap
}

// noteStep sets s.gap.StepNS, at a key frame, to the time by which the wall clock was set since the
// newest file began. If nothing else is missing, the step alone is a gap, of cause GapClockStep.
// The gap ends the open file: by the new clock, the next file does not begin where this one ends.
func (s *segmenter) noteStep(c *media.Chunk) {
	if !s.behind || !c.StartsGOP {
		return
	}
	s.gap.StepNS = media.ClockStep(c.SteppedNS - s.fileSteppedNS)
	if s.gap.StepNS != 0 && s.gap.None() {
		s.gap.Cause = media.GapClockStep
	}
}

// gapSince returns the gap of cause GapRestart before chunk c, if the previous run, e, failed. The
// gap begins at the last media that the previous run wrote, or at its failure if it wrote none. If
// that run did not fail, gapSince returns no gap.
func gapSince(e *pipeline.Ended, c *media.Chunk) media.Gap {
	if e.Err == nil {
		return media.Gap{}
	}
	since := e.At
	if !e.Written.IsZero() {
		since = e.Written
	}
	step := c.SteppedNS - int64(pipeline.Stepped(e.At))
	return media.Gap{Cause: media.GapRestart, DurationNS: max(c.UTC-since.UnixNano()-step, 0)}
}

// longer returns the longer one of two gaps that end at the same chunk and overlap.
func longer(a, b media.Gap) media.Gap {
	if a.None() || b.DurationNS > a.DurationNS {
		return b
	}
	return a
}

// tell logs the gap before the file that begins.
func (s *segmenter) tell() {
	switch {
	case s.gap.Cause == media.GapClockStep:
		s.set.Log.Warn("the clock that dates the recording was set: a new file begins, no media is missing",
			"set_by", time.Duration(s.gap.StepNS).Round(time.Millisecond))
	case s.gap.Lossless():
		s.set.Log.Warn("the sender's clock jumped: a new file begins, no media is missing")
	default:
		s.set.Log.Warn("media is missing before this file",
			"cause", string(s.gap.Cause), "duration", time.Duration(s.gap.DurationNS).Round(time.Millisecond), "chunks", s.gap.Chunks)
	}
}
