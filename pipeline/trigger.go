package pipeline

import (
	"errors"
	"time"
)

// Trigger is a request to record an event on a stream: the media from At less Before to At plus After.
type Trigger struct {
	ID            [16]byte // ID of the event; triggers with the same ID make one event
	Key, Name     string   // chosen by the client; may be empty
	Data          []byte   // a JSON value of the client, or nil
	At            time.Time
	Before, After time.Duration // negative values mean those of the stage's settings
	Max           time.Duration // longest duration of the event's recording; 0 is no limit
	Protect       Protect
	Partial       bool // accept the event even if the media in memory begins after its start

	// DefaultBefore and DefaultAfter apply if the stage has no such setting.
	DefaultBefore, DefaultAfter time.Duration
	// WaitUntil is the time until which the trigger waits for the stream's first picture; zero means that the
	// event covers only media that has arrived already. With Arm, the recorder also waits for a stream that has
	// no publisher and that the configuration does not name.
	WaitUntil time.Time
	Arm       bool
}

// Protect decides whether the files of an event are protected from deletion.
type Protect uint8

// The values of Protect. ProtectOn protects the files of the event, ProtectOff does not.
const (
	// ProtectByRule protects the files of a continuous recording, but not files that were made for the event.
	ProtectByRule Protect = iota
	ProtectOn
	ProtectOff
)

// TriggerStatus is the effect of a trigger on one pipeline.
type TriggerStatus string

// The effects of a trigger.
const (
	EventStarted  TriggerStatus = "started"  // a recording of the event begins
	EventExtended TriggerStatus = "extended" // the recording of an earlier event continues
	EventMarked   TriggerStatus = "marked"   // a continuous recording contains the event's media
	EventWaiting  TriggerStatus = "waiting"  // the recording begins with the first key frame, which has not arrived
)

// Triggered is the result of a trigger for one pipeline that accepted it.
type Triggered struct {
	Pipeline         string
	Status           TriggerStatus
	Requested, Until time.Time // the event's interval
	Actual           time.Time // key frame with which the event's footage begins; zero if not known yet
	NoRows           bool      // the pipeline writes no rows of its recordings
}

// Triggerer is a stage that accepts triggers. Other goroutines call Trigger at any time during the run. It must
// not wait for the stage's own work. Its error is ErrNoEvents, ErrNothing, ErrNotCovered, ErrWaiting or ErrPast,
// or another error with the reason for which the event is not recorded.
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

// Trigger passes a trigger to the first stage that accepts triggers. It returns ErrNoEvents if there is no such
// stage, or if no stage makes files.
func (r *Run) Trigger(t Trigger) (Triggered, error) {
	s := r.triggerer()
	if s == nil || !r.files {
		return Triggered{}, ErrNoEvents
	}
	got, err := s.Trigger(t)
	got.Pipeline, got.NoRows = r.pipeline, !r.rows
	return got, err
}

// triggerer returns the first stage that accepts triggers. It returns the source only if no other stage accepts
// them.
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
