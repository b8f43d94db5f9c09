package pipeline

import (
	"errors"
	"time"
)

// Trigger says that something happened on a stream that is worth a recording:
// from before it to after it.
type Trigger struct {
	ID            [16]byte // of the event; triggers of one ID are one event
	Key, Name     string   // as the caller calls it; may be empty
	Data          []byte   // the caller's, a JSON value; nil where there is none
	At            time.Time
	Before, After time.Duration // negative: as the stage is set
	Max           time.Duration // longest file, 0 for no limit
	Protect       Protect
	Partial       bool // mark it on a recording that does not reach back far enough, too

	// DefaultBefore and DefaultAfter are for a stage that has no setting of its own.
	DefaultBefore, DefaultAfter time.Duration
	// WaitUntil is up to when the first picture of the stream may come; zero: the
	// event is of what has come. With Arm, a stream is waited for that nobody
	// publishes and no configuration names, too.
	WaitUntil time.Time
	Arm       bool
}

// Protect says whether an event's files are kept from deletion.
type Protect uint8

// What may be asked of protection.
const (
	ProtectByRule Protect = iota // marks on a continuous recording are, files of their own are not
	ProtectOn
	ProtectOff
)

// TriggerStatus is the effect of a trigger.
type TriggerStatus string

// What a trigger can do.
const (
	EventStarted  TriggerStatus = "started"  // a recording of its own begins
	EventExtended TriggerStatus = "extended" // the recording of an earlier event goes on
	EventMarked   TriggerStatus = "marked"   // a continuous recording holds it
	EventWaiting  TriggerStatus = "waiting"  // no picture has come yet: it is recorded from the first key frame
)

// Triggered is the answer of one pipeline.
type Triggered struct {
	Pipeline         string
	Status           TriggerStatus
	Requested, Until time.Time // the event's interval
	Actual           time.Time // the key frame where its footage begins; zero: not known yet
	NoRows           bool      // the pipeline's recordings are in no catalogue
}

// Triggerer is a stage that takes triggers. Trigger is called from other
// goroutines at any time while the run lasts and must not wait for the stage's
// own work. The error is one of this file's, or tells why the event is not
// recorded.
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

// Trigger hands a trigger to the first stage that takes any; ErrNoEvents where
// there is none.
func (r *Run) Trigger(t Trigger) (Triggered, error) {
	s := r.triggerer()
	if s == nil || !r.files {
		return Triggered{}, ErrNoEvents
	}
	got, err := s.Trigger(t)
	got.Pipeline, got.NoRows = r.pipeline, !r.rows
	return got, err
}

// triggerer returns the first stage that takes triggers; the source where no other does.
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
