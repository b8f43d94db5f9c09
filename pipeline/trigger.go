package pipeline

import (
	"context"
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

// TriggerStatus is what a trigger did.
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

// triggerer is the first stage that takes triggers; the source where no other does.
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

// maxWaiting bounds the triggers that wait for a run.
const maxWaiting = 256

// trigger hands a trigger to the run, or keeps it for the one that is about to
// begin.
func (j *Job) trigger(t Trigger) (Triggered, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch now := j.env.Clock.Now(); {
	case j.run != nil:
		return j.run.Trigger(t)
	case j.state == JobEnded, j.state == JobStopping, !t.WaitUntil.After(now), !j.plan.has(MakesFiles):
		return Triggered{}, ErrNothing
	case j.env.Mode != Event && !t.Partial:
		return Triggered{}, ErrNotCovered // an event pipeline may have it
	case t.After >= 0 && t.At.Add(t.After).Before(now):
		return Triggered{}, ErrPast
	case len(j.waiting) >= maxWaiting:
		return Triggered{}, ErrWaiting
	}
	j.waiting = append(j.waiting, t)
	got := Triggered{Pipeline: j.plan.Name, Status: EventWaiting, NoRows: !j.plan.has(Catalogues)}
	if t.Before >= 0 {
		got.Requested = t.At.Add(-t.Before)
	}
	if t.After >= 0 {
		got.Until = t.At.Add(t.After)
	}
	return got, nil
}

// begun makes a run the job's, and hands it what has waited for it. The caller
// holds j.mu.
func (j *Job) begun(run *Run) {
	j.run = run
	for _, t := range j.waiting {
		if _, err := run.Trigger(t); err != nil {
			j.env.Log.Warn("an event is not recorded", "stream", j.stream, "pipeline", j.plan.Name, "name", t.Name, "key", t.Key, "error", err)
		}
	}
	j.waiting = nil
}

// Trigger records an event of a stream. Where a continuous recording holds all
// that came before it, the event is a mark on that, and no second file. Else
// every event pipeline that covers the stream records it, and there is an
// answer of each.
func (r *Recorder) Trigger(stream string, t Trigger) ([]Triggered, error) {
	if err := CheckPath(stream); err != nil {
		return nil, err
	}
	armed := r.arm(stream, t)
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
	if len(recorded) == 0 && !armed {
		why = ErrWaiting
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
			if !errors.Is(why, ErrNotCovered) { // which says that there is something
				why = err
			}
			continue
		}
		all = append(all, got)
	}
	return all, why
}

// arm lets the pipelines that record a stream as soon as it is there wait for one
// that is not there yet, as long as a trigger waits. It reports false where so many
// streams are waited for that this one is not.
func (r *Recorder) arm(stream string, t Trigger) (ok bool) {
	wait := t.WaitUntil.Sub(r.env.Clock.Now())
	if wait <= 0 || r.dir.Live(stream) || !t.Arm && !r.dir.Configured(stream) && !r.announced(stream) {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	ok = true
	for i := range r.declared {
		d := &r.declared[i]
		if d.Mode == Manual || d.Mode == Always && r.halted[stream] || !d.Covers(stream) {
			continue
		}
		if r.armed >= maxWaiting {
			ok = false
			continue
		}
		if !r.begin(d, stream, 0, r.unlessConfigured(stream, NextPublisher)) || r.dir.Configured(stream) {
			continue
		}
		j := r.jobs[jobKey{d.Plan.Name, stream}]
		r.armed++
		r.tasks.Go("wait for "+stream, func(ctx context.Context) error { r.disarm(ctx, j, wait); return nil })
	}
	return ok
}

// announced reports whether a stream has a publisher of whom nothing else is known.
func (r *Recorder) announced(stream string) bool {
	d, ok := r.dir.(interface{ Announced(path string) bool })
	return ok && d.Announced(stream)
}

// disarm ends a job whose publisher did not come in time.
func (r *Recorder) disarm(ctx context.Context, j *recording, wait time.Duration) {
	c, stop := r.env.Clock.After(wait)
	defer stop()
	select {
	case <-c:
		if !r.dir.Live(j.stream) && !r.announced(j.stream) {
			j.requestStop(ReasonDuration)
		}
	case <-j.done:
	case <-ctx.Done():
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.armed--
}

// known prefers to say that there is no such stream.
func (r *Recorder) known(stream string, why error) error {
	if errors.Is(why, ErrNoEvents) && !r.dir.Live(stream) && !r.dir.Configured(stream) {
		return ErrUnknownStream
	}
	return why
}
