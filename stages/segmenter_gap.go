package stages

import (
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
)

// leftGap is what was missing at the end of a run, for the first file of the next.
type leftGap media.Gap

// Close lets a gap be left in a Kept.
func (leftGap) Close() {}

// noteGap adds what is missing before a chunk: said by the chunk itself, seen
// from a hole in the sequence, or left by an earlier run. Marks have said theirs.
func (s *segmenter) noteGap(c *media.Chunk) {
	gap := c.Gap
	switch {
	case s.nextSeq == 0 && s.set.After != nil && s.set.Mode != pipeline.Event:
		gap = longer(gap, gapSince(s.set.After, c.UTC))
	case s.nextSeq == 0 || s.apart: // what lies between was not asked for
	case s.gap.None() && c.Seq != s.nextSeq:
		hole := media.Gap{Cause: media.GapOverload, Chunks: int(c.Seq - s.nextSeq), Duration: max(c.UTC-s.nextUTC-gap.Duration, 0)}
		gap = hole.Plus(gap)
	}
	s.gap = s.gap.Plus(gap)
	s.nextSeq, s.nextUTC, s.apart = c.Seq+1, c.UTC+c.Span(), false
}

// gapSince is what an earlier run of the pipeline left missing by failing.
func gapSince(e *pipeline.Ended, utc int64) media.Gap {
	if e.Err == nil {
		return media.Gap{}
	}
	since := e.At
	if !e.Written.IsZero() {
		since = e.Written
	}
	return media.Gap{Cause: media.GapRestart, Duration: max(utc-since.UnixNano(), 0)}
}

// longer is the longer of two gaps that end at the same chunk: they overlap.
func longer(a, b media.Gap) media.Gap {
	if a.None() || b.Duration > a.Duration {
		return b
	}
	return a
}

// tell logs the gap before a file.
func (s *segmenter) tell() {
	if s.gap.Lossless() {
		s.set.Log.Warn("the sender's clock jumped: a new file begins, nothing is missing")
		return
	}
	s.set.Log.Warn("media is missing before this file",
		"cause", string(s.gap.Cause), "duration", time.Duration(s.gap.Duration).Round(time.Millisecond), "chunks", s.gap.Chunks)
}
