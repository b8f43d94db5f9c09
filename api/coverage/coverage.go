// Package coverage joins recordings that follow each other to spans of time, so that a client can
// draw a week of a timeline with a few hundred bars, however many files it has.
package coverage

import (
	"maps"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/gospool/spool/pipeline/media"
)

// Span is an interval that recordings of one stream cover without a gap longer than
// Joiner.Resolution, or than touching if that is longer. All of them have the same State and
// Elsewhere.
type Span struct {
	First      media.ID    // ID of the oldest recording in the span
	StartNS    int64       // start of the oldest recording, nanoseconds since 1970-01-01 UTC
	EndNS      int64       // end of the newest recording, nanoseconds since 1970-01-01 UTC
	State      media.State // recording, finished or recovered
	Elsewhere  bool        // another recorder has the files
	Recordings int         // number of recordings in the span
	Gap        media.Gap   // gap before the oldest recording
}

// Stream holds the spans and events of one stream. While a Joiner adds to it, the newest span is
// the first; Joiner.Streams returns the oldest as the first. The events of a newer recording come
// before those of an older one.
type Stream struct {
	Path   string
	Spans  []Span
	Events []Event
	Cut    bool // the stream has further events, which were left out
}

// Event holds the name of an event and the time of its first trigger.
type Event struct {
	AtNS int64 // time of the first trigger, nanoseconds since 1970-01-01 UTC
	Name string
}

// Joiner joins recordings to spans. Add takes the recordings of any number of streams in the order of
// their start, the newest first; then Streams returns the result. The exported fields are set before
// the first Add.
type Joiner struct {
	Resolution time.Duration // a span may have gaps up to this length
	Now        time.Time     // end of the recordings that still grow
	MaxBytes   int           // approximate limit of the result's size as JSON

	bytes   int
	streams map[string]*Stream
}

// maxEvents bounds the number of events in the result for one stream.
const maxEvents = 500

// Approximate sizes of the parts of the result as JSON in bytes, without paths and names.
const (
	streamBytes = 50
	spanBytes   = 200
	gapBytes    = 80
	eventBytes  = 60
)

// Full reports whether the result has reached MaxBytes. The caller then stops adding.
func (j *Joiner) Full() bool { return j.bytes >= j.MaxBytes }

// Add adds the next recording, and as many of its events as maxEvents and MaxBytes allow. It ignores
// recordings of state lost or remote.
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

// textBytes returns the length of a text as a JSON string with quotes and escapes, in bytes.
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

// joins reports whether two neighbouring spans of a stream may become one. They must have the same
// State and Elsewhere. The recorded gap before newer must be at most j.Resolution. The time between
// the spans must be at most j.Resolution, or touching if that is longer.
func (j *Joiner) joins(newer, older *Span) bool {
	return newer.State == older.State && newer.Elsewhere == older.Elsewhere &&
		newer.Gap.DurationNS <= int64(j.Resolution) && newer.StartNS-older.EndNS <= int64(max(j.Resolution, touching))
}

// touching is the largest difference between the end of a recording and the start of the next at which
// the two count as continuous, even with a finer resolution.
const touching = 100 * time.Millisecond

// Streams returns the streams sorted by path, each with its oldest span first. It must be called only
// once, after the last Add.
func (j *Joiner) Streams() (all []Stream) {
	for _, path := range slices.Sorted(maps.Keys(j.streams)) {
		s := j.streams[path]
		slices.Reverse(s.Spans)
		all = append(all, *s)
	}
	return all
}
