package hls

import (
	"sort"
	"time"
)

// Segment is a media segment: consecutive chunks of a file.
type Segment struct {
	At, SizeBytes int64 // range of bytes in the file
	StartNS       int64 // movie time at which it begins
	DurationNS    int64
	HoleNS        int64 // time without media behind it; 0: none
	Independent   bool  // it begins with a key frame

	// Of a segment that is made: the numbers of the lead track's samples in it, from First up to but not including End. End is 0 of
	// a segment that is a range of the file.
	First, End int64
	KeyOnly    bool // it has the sample First alone
}

// Span selects a part of a file by movie times: the frames with FromNS <= presentation time < ToNS.
type Span struct {
	FromNS, ToNS int64
	Growing      bool // the file grows: segments that later chunks may change are left out
}

// within returns the chunks of a span: from the key frame that is needed for its first frame up to
// the chunk with its last frame.
func (m *Mapped) within(s Span) (first, end int) {
	c := m.Chunks
	first = sort.Search(len(c), func(i int) bool { return c[i].MaxNS >= s.FromNS }) // MaxNS increases but for some frames
	for first > 0 && c[first-1].MaxNS >= s.FromNS {
		first--
	}
	for first > 0 && (first == len(c) || c[first].KeyBytes == 0 || c[first].StartNS > s.FromNS) {
		first--
	}
	end = sort.Search(len(c), func(i int) bool { return c[i].MinNS >= s.ToNS })
	for end < len(c) && c[end].MinNS < s.ToNS {
		end++
	}
	if end < first || first < len(c) && c[first].MinNS >= s.ToNS || len(c) > 0 && c[len(c)-1].MaxNS < s.FromNS {
		return first, first
	}
	return first, end
}

// Segments calls yield with each segment of a span in order, until yield returns false. A segment is
// made of whole GOPs and lasts segmentNS or longer, up to the next key frame. A GOP of more than
// twice that is divided between chunks. Which chunks form a segment depends only on the span's first
// chunk and on the chunks up to the next segment.
func (m *Mapped) Segments(s Span, segmentNS int64, yield func(Segment) bool) {
	first, end := m.within(s)
	from := first
	for i := first + 1; i < end; i++ {
		if m.ends(from, i, segmentNS) {
			if !yield(m.segment(from, i, false)) {
				return
			}
			from = i
		}
	}
	if from < end && m.Reaches(s) {
		yield(m.segment(from, end, true))
	}
}

// settledNS is the time by which sound may come later in a file than the pictures of the same time.
const settledNS = int64(2 * time.Second)

// Reaches reports whether all media of a span is there: the file is finished, or has gone on behind the span.
func (m *Mapped) Reaches(s Span) bool {
	n := len(m.Chunks)
	return !s.Growing || n > 0 && m.Chunks[n-1].MinNS-settledNS >= s.ToNS
}

// ends reports whether the segment from chunk from ends before chunk i.
func (m *Mapped) ends(from, i int, segmentNS int64) bool {
	c, lasted := &m.Chunks[i], m.Chunks[i].StartNS-m.Chunks[from].StartNS
	return m.made != nil && m.made.leads[i+1]-m.made.leads[from] > maxMadeSamples || m.Chunks[i-1].HoleNS > 0 || c.KeyBytes > 0 && lasted >= segmentNS || c.LastNS-m.Chunks[from].StartNS > 2*segmentNS
}

// segment returns the segment of the chunks from first up to but not including end. last reports that
// no segment follows it in the span.
func (m *Mapped) segment(first, end int, last bool) Segment {
	a, b := &m.Chunks[first], &m.Chunks[end-1]
	s := Segment{At: a.At, SizeBytes: b.At + b.SizeBytes - a.At, StartNS: a.StartNS, Independent: a.KeyBytes > 0}
	if m.made != nil {
		s.First, s.End = m.made.leads[first], m.made.leads[end]
	}
	until := b.EndNS
	if end < len(m.Chunks) {
		if s.HoleNS = b.HoleNS; s.HoleNS == 0 && !last {
			until = m.Chunks[end].StartNS
		}
	}
	s.DurationNS = max(until-a.StartNS, 1)
	return s
}

// Keys calls yield with each key frame of a span that begins a chunk, as a segment of its own: from
// its moof to its last byte, with the time up to the next one. It leaves out the last key frame of a
// growing file, whose time is not known.
func (m *Mapped) Keys(s Span, yield func(Segment) bool) {
	first, end := m.within(s)
	for i := first; i < end; {
		next := i + 1
		for next < len(m.Chunks) && m.Chunks[next].KeyBytes == 0 {
			next++
		}
		if next >= len(m.Chunks) && s.Growing {
			return // how long it is shown is not known
		}
		c := &m.Chunks[i]
		if c.KeyBytes > 0 {
			k := m.segment(i, min(next, len(m.Chunks)), false)
			k.SizeBytes, k.KeyOnly = c.KeyBytes, true
			if !yield(k) {
				return
			}
		}
		i = next
	}
}
