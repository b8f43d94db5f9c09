// Package coverage joins recordings to the spans of time of which there is footage, so that
// a week of a timeline is a few hundred bars, however many files it has.
package coverage

import (
	"maps"
	"slices"
	"time"

	"github.com/gospool/spool/pipeline/media"
)

// Span is footage without a gap that could be seen at the resolution.
type Span struct {
	First      media.ID // of the oldest recording
	StartNS    int64
	EndNS      int64
	State      media.State // recording, finished or recovered
	Elsewhere  bool        // another recorder has it
	Recordings int
	Gap        media.Gap // what is missing before it
}

// Stream is what there is of a stream: the newest first, until Streams puts the oldest first.
type Stream struct {
	Path   string
	Spans  []Span
	Events []media.Event
}

// Joiner joins recordings that come by start, the newest first.
type Joiner struct {
	Resolution time.Duration // a shorter gap is none
	Now        time.Time     // to which what still grows reaches

	spans   int
	streams map[string]*Stream
}

// mostEvents are kept of a stream.
const mostEvents = 500

// Spans returns how many there are.
func (j *Joiner) Spans() int { return j.spans }

// Add takes the next recording. One whose footage is gone or elsewhere only is left out.
func (j *Joiner) Add(r *media.Record) {
	if r.State == media.StateLost || r.State == media.StateRemote {
		return
	}
	one := Span{First: r.ID, StartNS: r.StartUTC, EndNS: max(r.EndUTC, r.StartUTC), State: r.State, Elsewhere: r.Elsewhere, Recordings: 1, Gap: r.Gap}
	if r.State == media.StateRecording {
		one.EndNS = max(one.EndNS, j.Now.UnixNano())
	}
	if j.streams == nil {
		j.streams = map[string]*Stream{}
	}
	s := j.streams[r.Stream]
	if s == nil {
		s = &Stream{Path: r.Stream}
		j.streams[r.Stream] = s
	}
	s.Events = append(s.Events, r.Events[:min(len(r.Events), mostEvents-len(s.Events))]...)
	if n := len(s.Spans); n > 0 && j.joins(&s.Spans[n-1], &one) {
		newer := &s.Spans[n-1]
		newer.First, newer.StartNS, newer.Gap = one.First, one.StartNS, one.Gap
		newer.EndNS = max(newer.EndNS, one.EndNS)
		newer.Recordings++
		return
	}
	s.Spans = append(s.Spans, one)
	j.spans++
}

// joins reports whether an older span reaches to a newer one, with nothing between them
// that could be seen.
func (j *Joiner) joins(newer, older *Span) bool {
	return newer.State == older.State && newer.Elsewhere == older.Elsewhere &&
		newer.Gap.Duration <= int64(j.Resolution) && newer.StartNS-older.EndNS <= int64(max(j.Resolution, touching))
}

// touching is how far two recordings may be apart by the wall clock that follow each other.
const touching = 100 * time.Millisecond

// Streams returns what was joined, by path, the oldest span first. Add is over then.
func (j *Joiner) Streams() (all []Stream) {
	for _, path := range slices.Sorted(maps.Keys(j.streams)) {
		s := j.streams[path]
		slices.Reverse(s.Spans)
		all = append(all, *s)
	}
	return all
}
