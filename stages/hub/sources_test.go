package hub_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/stages/hub"
)

// chain configures a stream whose URLs are tried in the order of the wells.
func chain(t *testing.T, r *rig, in ...*well) {
	t.Helper()
	c := hub.StreamConfig{}
	for i, w := range in {
		name := "link" + string(rune('a'+i))
		wells[name] = w
		if i == 0 {
			c.Pull = "well://user:secret@" + name
		} else {
			c.Fallbacks = append(c.Fallbacks, "well://user:secret@"+name+"/x")
		}
	}
	require.NoError(t, r.Configure("cam/chain", c))
}

func TestFallbacksAreTriedInOrder(t *testing.T) {
	r := newRig(t, hub.Config{})
	first, second, third := &well{}, &well{mute: true}, &well{}
	first.fail.Store(true)
	chain(t, r, first, second, third)
	s := r.subscribe(t, "cam/chain")
	take(t, s).Release()
	require.Equal(t, "well://linkc/…", r.List()[0].Pull)
	require.EqualValues(t, 1, first.pulls.Load())
	require.EqualValues(t, 1, second.pulls.Load(), "it publishes, but sends nothing")
	require.Empty(t, r.List()[0].LastError)
}

func TestWhyEachSourceFailsIsTold(t *testing.T) {
	r := newRig(t, hub.Config{})
	first, second := &well{}, &well{err: errors.New("no route")}
	first.fail.Store(true)
	second.fail.Store(true)
	chain(t, r, first, second)
	r.subscribe(t, "cam/chain")
	require.Eventually(t, func() bool { return r.List()[0].LastError != "" }, patience, time.Millisecond)
	require.Equal(t, "well://linka/…: connection refused; well://linkb/…: no route", r.List()[0].LastError)
}

func TestASourceThatBreaksIsTriedAgainBeforeTheFallback(t *testing.T) {
	r := newRig(t, hub.Config{})
	first, second := &well{breaks: true}, &well{}
	chain(t, r, first, second)
	r.subscribe(t, "cam/chain")
	require.Eventually(t, func() bool { return first.pulls.Load() > 1 }, patience, time.Millisecond)
	require.Zero(t, second.pulls.Load())
}

// byHand is a clock on which waits of a minute and more are over when the test says so.
type byHand struct {
	pipeline.Clock
	waits chan handWait
}

type handWait struct {
	lasts   time.Duration
	over    chan time.Time
	stopped *atomic.Bool // the wait was given up
}

func newByHand() byHand { return byHand{pipeline.SystemClock, make(chan handWait, 10)} }

func (c byHand) After(d time.Duration) (<-chan time.Time, func()) {
	if d < time.Minute {
		return c.Clock.After(d)
	}
	w := handWait{d, make(chan time.Time, 1), &atomic.Bool{}}
	c.waits <- w
	return w.over, func() { w.stopped.Store(true) }
}

// passes ends the next wait, which must last so long.
func (c byHand) passes(t *testing.T, lasts time.Duration) {
	t.Helper()
	w := <-c.waits
	for w.stopped.Load() {
		w = <-c.waits
	}
	require.Equal(t, lasts, w.lasts)
	w.over <- c.Now()
}

// A preferred source that works again takes the place of the fallback, and the run goes on behind a gap. Before that the hub
// tries whether it sends media.
func TestThePreferredSourceReplacesTheFallback(t *testing.T) {
	clock := newByHand()
	r := newRig(t, hub.Config{Clock: clock, ReconnectGrace: 50 * time.Second})
	first, second := &well{}, &well{}
	first.fail.Store(true)
	chain(t, r, first, second)
	s := r.subscribe(t, "cam/chain")
	takeFrames(t, s, 25)
	clock.passes(t, time.Minute)
	require.Eventually(t, func() bool { return first.pulls.Load() == 2 }, patience, time.Millisecond)
	require.EqualValues(t, 1, second.running.Load(), "the fallback goes on")
	first.fail.Store(false)
	clock.passes(t, time.Minute)
	require.Eventually(t, func() bool { return first.pulls.Load() == 4 && second.running.Load() == 0 }, patience, time.Millisecond)
	require.Eventually(t, func() bool { return r.List()[0].Pull == "well://linka/…" }, patience, time.Millisecond)
	takeFrames(t, s, 60)
	require.EqualValues(t, 1, second.pulls.Load())
}

// A preferred source that publishes but sends nothing does not interrupt the fallback.
func TestASilentPreferredSourceReplacesNothing(t *testing.T) {
	clock := newByHand()
	r := newRig(t, hub.Config{Clock: clock})
	first, second := &well{mute: true}, &well{}
	chain(t, r, first, second)
	r.subscribe(t, "cam/chain")
	for tries := int64(2); tries < 5; tries++ {
		clock.passes(t, time.Minute)
		require.Eventually(t, func() bool { return first.pulls.Load() == tries && first.running.Load() == 0 }, patience, time.Millisecond)
	}
	require.EqualValues(t, 1, second.pulls.Load())
	require.EqualValues(t, 1, second.running.Load())
}

// A preferred source that has taken the place gives way to one that stands before it.
func TestTheFirstSourceComesBackAtLast(t *testing.T) {
	clock := newByHand()
	r := newRig(t, hub.Config{Clock: clock, ReconnectGrace: 50 * time.Second})
	first, second, third := &well{}, &well{}, &well{}
	first.fail.Store(true)
	second.fail.Store(true)
	chain(t, r, first, second, third)
	r.subscribe(t, "cam/chain")
	require.Eventually(t, func() bool { return third.running.Load() == 1 }, patience, time.Millisecond)
	second.fail.Store(false)
	clock.passes(t, time.Minute)
	require.Eventually(t, func() bool { return r.List()[0].Pull == "well://linkb/…" && third.running.Load() == 0 }, patience, time.Millisecond)
	first.fail.Store(false)
	clock.passes(t, time.Minute)
	require.Eventually(t, func() bool { return r.List()[0].Pull == "well://linka/…" && second.running.Load() == 0 }, patience, time.Millisecond)
}

// A fallback that is lost is tried again before the source that does not work.
func TestAFallbackThatIsLostIsTriedFirst(t *testing.T) {
	r := newRig(t, hub.Config{})
	first, second := &well{}, &well{breaks: true}
	first.fail.Store(true)
	chain(t, r, first, second)
	r.subscribe(t, "cam/chain")
	require.Eventually(t, func() bool { return second.pulls.Load() > 2 }, patience, time.Millisecond)
	require.EqualValues(t, 1, first.pulls.Load())
	require.Contains(t, r.List()[0].LastError, "well://linkb/…: it broke")
}

// The end of a finite source begins the list anew.
func TestAFiniteFallbackIsNotTheEnd(t *testing.T) {
	r := newRig(t, hub.Config{})
	first, second := &well{}, &well{finite: true}
	first.fail.Store(true)
	chain(t, r, first, second)
	r.subscribe(t, "cam/chain")
	require.Eventually(t, func() bool { return first.pulls.Load() > 1 && second.pulls.Load() > 1 }, patience, time.Millisecond)
}

func TestAStreamIsAlwaysPulled(t *testing.T) {
	r := newRig(t, hub.Config{Linger: time.Millisecond})
	w := &well{}
	wells["steady"] = w
	c := hub.StreamConfig{Pull: "well://steady", Always: true}
	require.NoError(t, r.Configure("cam/steady", c))
	require.Zero(t, w.pulls.Load(), "the hub is not ready")
	r.PullAlways()
	require.Eventually(t, func() bool { return w.running.Load() == 1 }, patience, time.Millisecond)
	s := r.subscribe(t, "cam/steady")
	take(t, s).Release()
	s.Close()
	c.Always = false
	require.NoError(t, r.Configure("cam/steady", c))
	require.Eventually(t, func() bool { return w.running.Load() == 0 }, patience, time.Millisecond)
	c.Always = true
	require.NoError(t, r.Configure("cam/steady", c))
	require.Eventually(t, func() bool { return w.running.Load() == 1 }, patience, time.Millisecond)
	require.EqualValues(t, 2, w.pulls.Load())
	r.Forget("cam/steady")
	require.Zero(t, w.running.Load())
}
