package pipeline

import (
	"errors"
	"time"
)

// Trigger requests a recording of something that happened on a stream: from before it to after it.
type Trigger struct {
	ID            [16]byte // ID of the event; triggers with the same ID make one event
	Key, Name     string   // chosen by the caller; may be empty
	Data          []byte   // a JSON value of the caller, or nil
	At            time.Time
	Before, After time.Duration // negative: the stage's setting
	Max           time.Duration // longest file; 0 is no limit
	Protect       Protect
	Partial       bool // also mark a recording that begins too late

	// DefaultBefore and DefaultAfter apply to a stage without its own setting.
	DefaultBefore, DefaultAfter time.Duration
	// WaitUntil is the time by which the first picture of the stream must come; zero: the event
	// covers only media that has come. With Arm, the recorder also waits for a stream that has no
	// publisher and is in no configuration.
	WaitUntil time.Time
	Arm       bool
}

// Protect decides whether an event's files are protected from deletion.
type Protect uint8

// The values of Protect.
const (
	ProtectByRule Protect = iota // protect files of a continuous recording, but not files made for the event
	ProtectOn
	ProtectOff
)

// TriggerStatus is the effect of a trigger.
type TriggerStatus string

// The effects of a trigger.
const (
	EventStarted  TriggerStatus = "started"  // a recording for the event begins
	EventExtended TriggerStatus = "extended" // the recording of an earlier event continues
	EventMarked   TriggerStatus = "marked"   // a continuous recording has the media
	EventWaiting  TriggerStatus = "waiting"  // no picture has come yet: the recording begins with the first key frame
)

// Triggered is the response of one pipeline to a trigger.
type Triggered struct {
	Pipeline         string
	Status           TriggerStatus
	Requested, Until time.Time // the event's interval
	Actual           time.Time // key frame where the event's footage begins; zero: not known yet
	NoRows           bool      // the catalogue does not have the pipeline's recordings
}

// Triggerer is a stage that accepts triggers. Trigger is called from other goroutines at any time
// during the run, and must not wait for the stage's own work. The error is one of this file's, or
// gives the reason why the event is not recorded.
type Triggerer interface {
	Trigger(Trigger) (Triggered, error)
}

// The errors of a trigger.
var (
	ErrNoEvents   = errors.New("no pipeline records events of this stream: declare one with record: event, or start a recording")
	ErrNothing    = errors.New("nothing of the stream is in memory yet, so there is nothing to record: is it published?")
	ErrNotCovered = errors.New("the recording under way does not reach back far enough")
	ErrWaiting    = errors.New("as many events as may wait for a first picture already: try again when it has come")
	ErrPast       = errors.New("the event had ended before the oldest media in memory")
)

// Trigger passes a trigger to the first stage that accepts triggers. Without one it returns
// ErrNoEvents.
func (r *Run) Trigger(t Trigger) (Triggered, error) {
	s := r.triggerer()
	if s == nil || !r.files {
		return Triggered{}, ErrNoEvents
	}
	got, err := s.Trigger(t)
	got.Pipeline, got.NoRows = r.pipeline, !r.rows
	return got, err
}

// triggerer returns the first stage that accepts triggers; the source if no other does.
func (r *Run) triggerer() (first Triggerer) {
	for _, n := range r.nodes {
		s, ok := n.object.(Triggerer)
		if !ok {
			continue
		}
		if n.kind != KindSource {
			return s
		}
		first = s
	}
	return first
}
