package hls

import (
	"fmt"
	"time"

	"github.com/gospool/spool/pipeline/media"
)

// Playlist describes a span of a stream's time. Its parts are in the order of time.
type Playlist struct {
	Parts     []Part
	SegmentNS int64    // least duration of a segment, but for the last one of a part
	Event     bool     // the span was not over when a client first asked: the playlist grows, or has grown
	Ended     bool     // the span is over, and the playlist complete
	First     media.ID // its first recording
	KeepGaps  bool     // a gap lasts as long as on the wall clock, with EXT-X-GAP; else it is cut out
}

// Part is a recording of a playlist.
type Part struct {
	Span
	URI     string                  // address of the file, as a URI reference
	InitURI string                  // address of its initialisation segment
	MadeURI string                  // address of the directory of the segments that are made
	UTC     func(int64) int64       // wall clock, ns UTC, of a movie time in ns
	Load    func() (*Mapped, error) // returns nil for a part that is left out; called for each pass
}

// Facts sums up the segments of a playlist.
type Facts struct {
	Segments    int
	LongestNS   int64 // longest segment
	Bytes       int64 // of all segments
	DurationNS  int64 // of all segments, without gaps
	PeakBits    int64 // bits a second of the segment with the most
	Independent bool  // each segment begins with a key frame
	Gaps        bool  // the playlist has EXT-X-GAP
}

// AverageBits returns the bits a second of all segments together.
func (f *Facts) AverageBits() int64 { return bitRate(f.Bytes, f.DurationNS) }

func bitRate(bytes, ns int64) int64 {
	return int64(float64(bytes) * 8 * float64(time.Second) / float64(max(ns, 1)))
}

// entry is a line of a playlist: a segment, or time without media.
type entry struct {
	Segment
	part   *Part
	begins bool // first segment of its part
	jumps  bool // its timestamps do not follow those of the entry before
	gap    bool // no media: EXT-X-GAP
	utc    int64

	initBytes int64 // length of the initialisation segment of part
}

// source yields the segments of one part.
type source func(m *Mapped, p *Part, yield func(Segment) bool)

func (l *Playlist) media(m *Mapped, p *Part, yield func(Segment) bool) {
	m.Segments(p.Span, l.SegmentNS, yield)
}

func (l *Playlist) keys(m *Mapped, p *Part, yield func(Segment) bool) { m.Keys(p.Span, yield) }

// leastGapNS is the least time between two files that is shown as a gap: less is the inaccuracy of
// the clocks.
const leastGapNS = int64(500 * time.Millisecond)

// maxGapLines bounds the lines of all gaps in a playlist: with segments of 6 seconds, a week.
const maxGapLines = 100_000

// ErrGaps reports a playlist whose gaps would have too many lines.
var ErrGaps = fmt.Errorf("the gaps in the span have more than %d segments: ask for gaps=cut, for longer segments, or for a shorter span", maxGapLines)

// entries yields the lines of the playlist. It has one part at a time in memory. The error is that of
// Part.Load, or ErrGaps.
func (l *Playlist) entries(segments source, yield func(entry) bool) error {
	endUTC, more, gapLines := int64(0), true, int64(0)
	for i := range l.Parts {
		p := &l.Parts[i]
		m, err := p.Load()
		if err != nil {
			return err
		}
		if m == nil {
			continue
		}
		begins, hole := true, false
		segments(m, p, func(s Segment) bool {
			e := entry{Segment: s, part: p, begins: begins, jumps: begins && endUTC != 0, utc: p.UTC(s.StartNS), initBytes: m.InitBytes()}
			if missing := e.utc - endUTC; endUTC != 0 && (hole || begins && missing >= leastGapNS) {
				if gapLines += max(missing, 0) / l.SegmentNS; l.KeepGaps && gapLines > maxGapLines {
					err, more = ErrGaps, false
				} else if l.KeepGaps {
					more = l.missing(p, endUTC, missing, yield)
				} else {
					e.jumps = true
				}
			}
			more = more && yield(e)
			begins, hole = false, s.HoleNS > 0
			endUTC = p.UTC(s.StartNS + s.DurationNS)
			return more
		})
		if !more {
			return err
		}
	}
	return nil
}

// missing yields entries for time without media, from the wall clock utc on.
func (l *Playlist) missing(p *Part, utc, ns int64, yield func(entry) bool) bool {
	for ns > 0 {
		e := entry{part: p, gap: true, utc: utc, Segment: Segment{DurationNS: ns}}
		if ns > 2*l.SegmentNS {
			e.DurationNS = l.SegmentNS
		}
		if !yield(e) {
			return false
		}
		utc, ns = utc+e.DurationNS, ns-e.DurationNS
	}
	return true
}

// Facts returns the facts of the media playlist.
func (l *Playlist) Facts() (Facts, error) { return l.facts(l.media) }

// KeyFacts returns the facts of the playlist of key frames.
func (l *Playlist) KeyFacts() (Facts, error) { return l.facts(l.keys) }

func (l *Playlist) facts(segments source) (Facts, error) {
	f := Facts{Independent: true}
	err := l.entries(segments, func(e entry) bool {
		f.Segments++
		f.LongestNS = max(f.LongestNS, e.DurationNS)
		if f.Gaps = f.Gaps || e.gap; e.gap {
			return true
		}
		f.Bytes += e.SizeBytes
		f.DurationNS += e.DurationNS
		f.PeakBits = max(f.PeakBits, bitRate(e.SizeBytes, e.DurationNS))
		f.Independent = f.Independent && e.Independent
		return true
	})
	return f, err
}

// targetSeconds returns EXT-X-TARGETDURATION. That of a playlist that grows must not change: it is
// twice the duration of a segment, the most that Mapped.Segments makes of a file with usual chunks.
func (l *Playlist) targetSeconds(f *Facts) int64 {
	longest := f.LongestNS
	if l.Event {
		longest = max(longest, 2*l.SegmentNS)
	}
	return max((longest+int64(time.Second)/2)/int64(time.Second), 1)
}
