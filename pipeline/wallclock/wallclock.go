// Package wallclock judges whether the machine's clock can be believed: files are deleted by
// their age, and schedules begin by the time of day.
package wallclock

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gospool/spool/pipeline"
)

// Judge judges whether the wall clock is to be believed. Whatever deletes by
// age asks it first, and so does a schedule: a board without a battery starts in
// 1970, and a clock that is set wrong may say anything.
//
// Not to be believed is a clock
//
//	wrong     before Plausible, or before what was recorded already
//	doubtful  more than a month after all that an earlier run recorded
//	unproven  since the start, or since it was stepped, for an hour
//
// The kernel's word that the clock is synchronised (adjtimex) is believed over what
// was recorded and spares the hour after a start, not the one after a step. So does
// an operator's, until the next step. Its methods are safe for concurrent use.
type Judge struct {
	clock  pipeline.Clock
	kernel func() bool
	log    *slog.Logger

	mu        sync.Mutex    // guards what follows, but began
	began     time.Time     // the first reading
	last      time.Time     // the newest one
	offset    time.Duration // of the wall clock from the monotonic one, as of the last step
	steady    time.Duration // monotonic, since began
	agreed    time.Duration // steady time since which nothing spoke against the clock
	stepped   time.Duration // steady time of the last step
	steps     int
	confirmed bool
	newest    evidence
	earlier   evidence // the newest from before this process, or of its start by the clock before a step
	said      State
	since     time.Time // of said
}

type evidence struct {
	what string
	at   time.Time
}

// State is the judgement of a Judge.
type State string

// The states.
const (
	Believed State = "believed"
	Unproven State = "unproven"
	Doubtful State = "doubtful"
	Wrong    State = "wrong"
)

// Reading is one reading of the clock, with the judgement of it.
type Reading struct {
	State  State
	Why    string // it is not believed; empty where it is
	Now    time.Time
	Steady time.Duration // since the start, by the monotonic clock
	Steps  int           // of the wall clock, since the start
	// Best is the time to judge ages by: Now, unless that is plainly wrong. It is
	// never long before what was recorded last.
	Best time.Time
}

// Believed reports whether files that are old by this clock may be deleted.
func (r Reading) Believed() bool { return r.State == Believed }

// Plausible is before every time that this program has seen.
var Plausible = time.Date(2015, 1, 1, 0, 0, 0, 0, time.UTC)

const (
	clockProof  = time.Hour           // how long a clock must have agreed
	clockStep   = time.Minute         // a smaller difference is no step
	clockFar    = 30 * 24 * time.Hour // after the newest evidence
	clockBefore = time.Minute         // what was recorded may be ahead by so much
)

// New watches a clock; kernel is KernelSynchronised, or a test's.
func New(clock pipeline.Clock, kernel func() bool, log *slog.Logger) *Judge {
	w := &Judge{clock: clock, kernel: kernel, log: log, began: clock.Now(), said: Unproven}
	w.since, w.last = w.began, w.began
	w.steadyNow(w.began)
	w.offset = w.offsetAt(w.began)
	return w
}

// KernelSynchronised reports whether the kernel says that something keeps the
// clock right, such as an NTP client. Setting the clock by hand takes the word back.
func KernelSynchronised() bool {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	return err == nil && state != unix.TIME_ERROR && t.Status&unix.STA_UNSYNC == 0
}

// Began returns the first reading.
func (w *Judge) Began() time.Time { return w.began }

// Seen tells of the time of something that was recorded; what names it in words. A time
// before Plausible proves nothing.
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

// Read returns the clock as of now.
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

// steadyNow reads the monotonic clock. That of a test tells it beside: a time.Time
// that was made cannot carry two readings that differ.
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

// watch notices that the wall clock was set: the two clocks are kept at the same
// pace, also while they are slewed. What the clock said before is evidence, where it
// was not doubted; before is the steady time of then.
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
	ran := now.Add(-w.steady) // when this process began, by the clock as it is now
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

// say logs when the clock gets wrong or right. The caller holds w.mu.
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

// ErrWrong says that a clock cannot be right, whoever says so.
var ErrWrong = errors.New("the clock cannot be right")

// Confirm is an operator's word that the clock is right. It holds until the next
// step or start.
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

// Problems tells of a clock that cannot be right, or hardly.
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
