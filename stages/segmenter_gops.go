package stages

import (
	"cmp"

	"github.com/gospool/spool/pipeline/media"
)

// A chunk may contain several GOPs. It is cut at any of them, so that a limit is kept as exactly as
// with one GOP in each chunk.

// cutWithin returns the access unit of the lead track of c before which the open segment ends, the
// first of a GOP, and the reason. It returns -1 if the segment does not end within c. If no segment
// is open, c begins one.
func (s *segmenter) cutWithin(c *media.Chunk) (at int, why media.Cause) {
	if s.cfg.MaxDuration == 0 && s.cfg.MaxSize == 0 && s.clock.every == 0 {
		return -1, ""
	}
	lead, scale := c.Lead(), c.Set.Tracks[c.Set.Lead()].Timescale
	next := c.NextGOP(0)
	if next < 0 {
		return -1, ""
	}
	start, bytes, clock := s.startTicks, s.segmentBytes, s.clock
	if s.cur == nil {
		start, bytes = lead.DTS[0], 0
		clock.begin(c.UTC)
	}
	bytes += int64(c.Bytes() - lead.Payload.Len()) // estimate: all bytes of the other tracks belong to the first GOP
	for i, from := next, 0; i > 0; i, from = c.NextGOP(i), i {
		gop := bytesOf(lead, from, i)
		bytes += gop
		lasted := media.ToNanos(lead.DTS[i]-start, scale)
		if why := cmp.Or(s.reached(lasted, bytes, gop), clock.due(c.UTCAt(i))); why != "" {
			return i, why
		}
	}
	return -1, ""
}

// count adds the bytes of a chunk to segmentBytes and gopBytes.
func (s *segmenter) count(c *media.Chunk) {
	n := int64(c.Bytes())
	s.segmentBytes += n
	if c.StartsGOP {
		s.gopBytes = 0
	}
	last := 0
	for i := c.NextGOP(0); i > 0; i = c.NextGOP(i) {
		last = i
	}
	if last > 0 {
		s.gopBytes = 0
	}
	s.gopBytes += n - bytesOf(c.Lead(), 0, last)
}

func bytesOf(c *media.Columns, from, to int) (n int64) {
	for _, size := range c.SizeBytes[from:to] {
		n += int64(size)
	}
	return n
}

// fromKeyFrame returns the part of a chunk from its first GOP on, or nil if no GOP begins in it. It
// drops and counts the media before.
func (s *segmenter) fromKeyFrame(c *media.Chunk) *media.Chunk {
	at := c.NextGOP(0)
	if at < 0 {
		s.drop(c)
		return nil
	}
	head, rest := c.Split(at)
	s.drop(head)
	return rest
}
