// Package coverage joins recordings to the spans of time that they cover, so that a week of a
// timeline is a few hundred bars, however many files it has.
package coverage

import (
	"maps"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/gospool/spool/pipeline/media"
)

// Span is a time without a gap longer than the resolution.
type Span struct {
	First      media.ID // of the oldest recording
	StartNS    int64
	EndNS      int64
	State      media.State // recording, finished or recovered
	Elsewhere  bool        // another recorder has the file
	Recordings int
	Gap        media.Gap // gap before it
}

// Stream holds the spans and events of a stream: the newest first, until Streams reverses the
// spans.
type Stream struct {
	Path   string
	Spans  []Span
	Events []Event
	Cut    bool // further events were left out
}

// Event is an event without its data.
type Event struct {
	AtNS int64
	Name string
}

// Joiner joins recordings that are added in order of their start, the newest first.
type Joiner struct {
	Resolution time.Duration // a shorter gap is ignored
	Now        time.Time     // the end of recordings that still grow
	MaxBytes   int           // approximate limit of all together as JSON

	bytes   int
	streams map[string]*Stream
}

// maxEvents bounds the events of a stream.
const maxEvents = 500

// Approximate sizes as JSON, without the names.
const (
	streamBytes = 50
	spanBytes   = 200
	gapBytes    = 80
	eventBytes  = 60
)

// Full reports whether MaxBytes is reached.
func (j *Joiner) Full() bool { return j.bytes >= j.MaxBytes }

// Add adds the next recording, and its events as far as they fit. It ignores recordings of state lost
// or remote.
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
		j.bytes += streamBytes + textBytes(r.Stream)
	}
	j.addSpan(s, &one)
	j.addEvents(s, r.Events)
}

func (j *Joiner) addSpan(s *Stream, one *Span) {
	if !one.Gap.None() {
		j.bytes += gapBytes
	}
	if n := len(s.Spans); n > 0 && j.joins(&s.Spans[n-1], one) {
		newer := &s.Spans[n-1]
		if !newer.Gap.None() {
			j.bytes -= gapBytes
		}
		newer.First, newer.StartNS, newer.Gap = one.First, one.StartNS, one.Gap
		newer.EndNS = max(newer.EndNS, one.EndNS)
		newer.Recordings++
		return
	}
	s.Spans = append(s.Spans, *one)
	j.bytes += spanBytes
}

func (j *Joiner) addEvents(s *Stream, events []media.Event) {
	for i := range events {
		if len(s.Events) == maxEvents || j.Full() {
			s.Cut = true
			return
		}
		s.Events = append(s.Events, Event{events[i].AtUTC, events[i].Name})
		j.bytes += eventBytes + textBytes(events[i].Name)
	}
}

// textBytes returns the length of a text as JSON, which may be six times its own.
func textBytes(text string) int {
	bytes := len(`""`)
	for _, r := range text {
		switch {
		case r == '"', r == '\\':
			bytes += 2
		case r < ' ', r == utf8.RuneError, r == '\u2028', r == '\u2029':
			bytes += 6
		default:
			bytes += utf8.RuneLen(r)
		}
	}
	return bytes
}

// joins reports whether an older span reaches to a newer one, without a gap longer than the
// resolution.
func (j *Joiner) joins(newer, older *Span) bool {
	return newer.State == older.State && newer.Elsewhere == older.Elsewhere &&
		newer.Gap.DurationNS <= int64(j.Resolution) && newer.StartNS-older.EndNS <= int64(max(j.Resolution, touching))
}

// touching is the largest distance, by the wall clock, of two recordings that follow each other
// without a gap.
const touching = 100 * time.Millisecond

// Streams returns the streams sorted by path, with the oldest span first. Add must not be called
// after it.
func (j *Joiner) Streams() (all []Stream) {
	for _, path := range slices.Sorted(maps.Keys(j.streams)) {
		s := j.streams[path]
		slices.Reverse(s.Spans)
		all = append(all, *s)
	}
	return all
}
