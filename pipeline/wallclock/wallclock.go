// Package wallclock judges whether the machine's wall clock is right. Retention deletes files by their age, and
// schedules depend on the time of day.
package wallclock

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/gospool/spool/pipeline"
)

// Judge judges whether the wall clock is right. Deletion by age and schedules use the judgement, because a machine
// without a battery starts in 1970, and a clock can be set to any time.
//
// The State of the clock is not Believed if the clock is
//
//	wrong     before Plausible, or more than a minute before the time of an existing recording
//	doubtful  more than 30 days later, at the start of the process, than the recordings of earlier processes
//	unproven  not wrong or doubtful, but was so in the last hour, or was stepped in that hour, or the process
//	          has run for less than an hour
//
// If the kernel reports that the clock is synchronised (adjtimex of Linux), the clock is wrong only before Plausible, and
// unproven only for an hour after a step. If an operator has confirmed the clock, it is believed until the next
// step, unless it is before Plausible. The methods are safe for concurrent use.
type Judge struct {
	clock  pipeline.Clock
	kernel func() bool
	log    *slog.Logger

	mu      sync.Mutex    // guards the following fields except began
	began   time.Time     // time of the first reading
	last    time.Time     // time of the newest reading
	offset  time.Duration // wall clock less monotonic clock, as it was after the last step
	steady  time.Duration // monotonic time since began, at the newest reading
	agreed  time.Duration // value of steady at the last reading that evidence contradicted
	stepped time.Duration // value of steady at the last step
	steps   int           // number of steps of the wall clock so far
	// Confirm was called since the last step
	confirmed bool
	// evidence with the latest time
	newest evidence
	// Latest evidence from before the start of this process. After a step it may be that start itself, by the
	// clock as it was before the step.
	earlier evidence
	said    State     // state at the newest reading
	since   time.Time // time since which the state is said
}

// evidence is the time of an existing recording, or another time that the clock must not precede. The field what
// describes the recording, or the other source of the time, in words.
type evidence struct {
	what string
	at   time.Time
}

// State is the judgement about the clock.
type State string

// The states of the clock. Judge describes the conditions for each.
const (
	Believed State = "believed"
	Unproven State = "unproven"
	Doubtful State = "doubtful"
	Wrong    State = "wrong"
)

// Reading is a reading of the clock with the judgement about it.
type Reading struct {
	State  State
	Why    string // reason for which State is not Believed; else empty
	Now    time.Time
	Steady time.Duration // monotonic time since the first reading
	Steps  int           // number of steps of the wall clock since the first reading
	// Best is the best estimate of the time, for computing ages: Now, or a time derived from the
	// recordings if they contradict Now.
	Best time.Time
}

// Believed reports whether State is Believed, so that retention may delete files that have expired by this
// clock.
func (r Reading) Believed() bool { return r.State == Believed }

// Plausible is a time before which no process of this program can have run.
var Plausible = time.Date(2015, 1, 1, 0, 0, 0, 0, time.UTC)

const (
	clockProof  = time.Hour           // duration for which the clock must agree with the evidence to be Believed
	clockStep   = time.Minute         // a larger change between wall clock and monotonic clock is a step
	clockFar    = 30 * 24 * time.Hour // Doubtful if the process started longer after the recordings of earlier ones
	clockBefore = time.Minute         // Wrong if a recording is later than the clock by more than this
)

// New returns a Judge of a clock. kernel is KernelSynchronised, or a function of a test.
func New(clock pipeline.Clock, kernel func() bool, log *slog.Logger) *Judge {
	w := &Judge{clock: clock, kernel: kernel, log: log, began: clock.Now(), said: Unproven}
	w.since, w.last = w.began, w.began
	w.steadyNow(w.began)
	w.offset = w.offsetAt(w.began)
	return w
}

// Began returns the time of the first reading, which New makes.
func (w *Judge) Began() time.Time { return w.began }

// Seen adds the time of an existing recording as evidence. what describes the recording in words. A time before
// Plausible is ignored.
func (w *Judge) Seen(what string, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if at.Before(Plausible) {
		return
	}
	if at.After(w.newest.at) {
		w.newest = evidence{what, at}
	}
	if at.After(w.earlier.at) && at.Before(w.began) {
		w.earlier = evidence{what, at}
	}
}

// Read returns a reading of the clock. It logs a change of the judgement.
func (w *Judge) Read() Reading {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.clock.Now()
	before := w.steady
	w.steadyNow(now)
	w.watch(now, before)
	w.last = now
	r := Reading{Now: now, Best: now, Steady: w.steady}
	w.judge(&r)
	if r.State == Wrong || r.State == Doubtful {
		w.agreed = w.steady
	}
	r.Steps = w.steps
	w.say(&r)
	return r
}

// steadyNow sets w.steady, the monotonic time since the first reading, from the monotonic reading of now. The
// clock of a test may have a method Steady that returns the value instead, because a test cannot construct a
// time.Time whose two readings differ.
func (w *Judge) steadyNow(now time.Time) {
	if c, ok := w.clock.(interface{ Steady() time.Duration }); ok {
		w.steady = c.Steady()
		return
	}
	w.steady = now.Sub(w.began)
}

func (w *Judge) offsetAt(now time.Time) time.Duration {
	return now.Round(0).Sub(w.began.Round(0)) - w.steady
}

// watch detects a step of the wall clock between the previous reading and now, and logs it. Without a step, the
// kernel keeps the wall clock and the monotonic clock at the same pace, even while it slews both. If the clock
// was neither Wrong nor Doubtful before the step, the start of the process by that clock may become w.earlier.
// before is the value of w.steady at the previous reading.
func (w *Judge) watch(now time.Time, before time.Duration) {
	offset := w.offsetAt(now)
	by := offset - w.offset
	if by.Abs() <= clockStep {
		return
	}
	doubted := w.said == Wrong || w.said == Doubtful
	if start := w.last.Add(-before); !doubted && !start.Before(Plausible) && start.After(w.earlier.at) {
		w.earlier = evidence{"the start by the clock as it was before it was set", start}
	}
	w.offset, w.steps, w.confirmed = offset, w.steps+1, false
	w.agreed, w.stepped = w.steady, w.steady
	w.log.Warn("the clock was stepped: nothing expires for an hour", "by", by, "clock", now.UTC())
}

func (w *Judge) judge(r *Reading) {
	now := r.Now
	ran := now.Add(-w.steady) // start of this process by the present clock
	synchronised := w.kernel()
	switch {
	case now.Before(Plausible):
		r.State, r.Why = Wrong, fmt.Sprintf("the clock says %s, before this program was made", stamp(now))
	case w.confirmed:
		r.State = Believed
	case synchronised && (w.steps == 0 || w.steady-w.stepped >= clockProof):
		r.State = Believed
	case !synchronised && w.newest.at.After(now.Add(clockBefore)):
		r.State, r.Why = Wrong, fmt.Sprintf("the clock says %s, but %s is of %s", stamp(now), w.newest.what, stamp(w.newest.at))
	case !synchronised && !w.earlier.at.IsZero() && ran.Sub(w.earlier.at) > clockFar:
		r.State, r.Why = Doubtful, fmt.Sprintf("the clock says %s, but before this start nothing is later than %s, which is of %s", stamp(now), w.earlier.what, stamp(w.earlier.at))
	case w.steps > 0 && w.steady-w.stepped < clockProof:
		r.State, r.Why = Unproven, "the clock was set less than an hour ago"
	case w.steady-w.agreed < clockProof:
		r.State, r.Why = Unproven, "the kernel does not say that the clock is synchronised, and it has agreed with the recordings for less than an hour"
	default:
		r.State = Believed
	}
	switch {
	case r.State == Wrong && w.newest.at.After(now):
		r.Best = w.newest.at
	case r.State == Doubtful:
		r.Best = w.earlier.at.Add(w.steady)
	}
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// say logs the state if it became Wrong or Doubtful since the previous call, or is neither any more. The caller
// holds w.mu.
func (w *Judge) say(r *Reading) {
	if r.State == w.said {
		return
	}
	was := w.said
	w.said, w.since = r.State, r.Now
	switch {
	case r.State == Wrong, r.State == Doubtful:
		w.log.Warn("the clock is not believed: nothing expires; recording goes on", "why", r.Why, "clock", r.Now.UTC())
	case was == Wrong, was == Doubtful:
		w.log.Info("the clock agrees with the recordings again", "clock", r.Now.UTC(), "state", string(r.State))
	}
}

// ErrWrong is the error of Confirm if the clock is before Plausible.
var ErrWrong = errors.New("the clock cannot be right")

// Confirm records that an operator has confirmed the clock. The confirmation holds until the next step, or the
// next start of the process. The error is ErrWrong, wrapped, if the clock is before Plausible.
func (w *Judge) Confirm() error {
	r := w.Read()
	if r.Now.Before(Plausible) {
		return fmt.Errorf("%w: %s", ErrWrong, r.Why)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.confirmed = true
	w.log.Warn("an operator confirmed the clock", "clock", r.Now.UTC(), "was", string(r.State), "why", r.Why)
	return nil
}

// Problems reads the clock and returns one problem if the state is Wrong or Doubtful, and nil otherwise.
func (w *Judge) Problems() []pipeline.Problem {
	r := w.Read()
	p := pipeline.Problem{Cause: r.Why, Remedy: "let NTP set the clock (timedatectl, chronyc tracking); recording goes on, and nothing expires. "}
	switch r.State {
	case Wrong:
		p.Problem = "clock_wrong"
		p.Remedy += "Meanwhile every stream that has a schedule is recorded. If the clock is right, confirm it: POST /mp4/retention/confirm"
	case Doubtful:
		p.Problem = "clock_doubtful"
		p.Remedy += "If the clock is right, confirm it: POST /mp4/retention/confirm"
	default:
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	p.Since = w.since
	return []pipeline.Problem{p}
}
