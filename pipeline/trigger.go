package pipeline

import (
	"errors"
	"fmt"
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
}

// Protect says whether an event's files are kept from deletion.
type Protect uint8

// What may be asked of protection.
const (
	ProtectByRule Protect = iota // marks on a continuous recording are, files of their own are not
	ProtectOn
	ProtectOff
)

// TriggerStatus is what a trigger did.
type TriggerStatus string

// What a trigger can do.
const (
	EventStarted  TriggerStatus = "started"  // a recording of its own begins
	EventExtended TriggerStatus = "extended" // the recording of an earlier event goes on
	EventMarked   TriggerStatus = "marked"   // a continuous recording holds it
)

// Triggered is the answer of one pipeline.
type Triggered struct {
	Pipeline         string
	Status           TriggerStatus
	Requested, Until time.Time // the event's interval
	Actual           time.Time // where the recording that holds it begins: a key frame
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
	ErrPast       = errors.New("the event had ended before the oldest media in memory")
)

// Trigger hands a trigger to the first stage that takes any; ErrNoEvents where
// there is none.
func (r *Run) Trigger(t Trigger) (Triggered, error) {
	for _, n := range r.nodes {
		if s, ok := n.object.(Triggerer); ok {
			got, err := s.Trigger(t)
			got.Pipeline = r.pipeline
			return got, err
		}
	}
	return Triggered{}, ErrNoEvents
}

func (j *Job) trigger(t Trigger) (Triggered, error) {
	j.mu.Lock()
	run := j.run
	j.mu.Unlock()
	if run == nil {
		return Triggered{}, ErrNothing
	}
	return run.Trigger(t)
}

// Trigger records an event of a stream. Where a continuous recording holds all
// that came before it, the event is a mark on that, and no second file. Else
// every event pipeline that covers the stream records it, and there is an
// answer of each.
func (r *Recorder) Trigger(stream string, t Trigger) ([]Triggered, error) {
	if err := CheckPath(stream); err != nil {
		return nil, err
	}
	marked, notMarked := r.ask(stream, t, func(m Mode) bool { return m != Event })
	if len(marked) > 0 {
		return marked, nil
	}
	recorded, why := r.ask(stream, t, func(m Mode) bool { return m == Event })
	if len(recorded) == 0 && errors.Is(why, ErrNoEvents) {
		why = notMarked
	}
	if len(recorded) == 0 && errors.Is(notMarked, ErrNotCovered) {
		t.Partial = true
		recorded, why = r.ask(stream, t, func(m Mode) bool { return m != Event })
	}
	if len(recorded) == 0 {
		return nil, fmt.Errorf("%s: %w", stream, r.known(stream, why))
	}
	return recorded, nil
}

// ask hands a trigger to the jobs of a stream in certain modes. The error is of
// the last one that did not take it, ErrNoEvents where there is no job.
func (r *Recorder) ask(stream string, t Trigger, modes func(Mode) bool) (all []Triggered, why error) {
	why = ErrNoEvents
	for _, j := range r.list() {
		if j.stream != stream || !modes(j.mode) {
			continue
		}
		got, err := j.trigger(t)
		if err != nil {
			why = err
			continue
		}
		all = append(all, got)
	}
	return all, why
}

// known prefers to say that there is no such stream.
func (r *Recorder) known(stream string, why error) error {
	if errors.Is(why, ErrNoEvents) && !r.dir.Live(stream) && !r.dir.Configured(stream) {
		return ErrUnknownStream
	}
	return why
}
