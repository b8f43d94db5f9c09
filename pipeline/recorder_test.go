package pipeline_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/gospool/spool/pipeline"
)

// handClock is a clock whose waits end when the test says so.
type handClock struct {
	mu    sync.Mutex
	now   time.Time
	waits map[chan time.Time]time.Duration
}

func newHandClock() *handClock {
	return &handClock{now: time.Unix(1000, 0), waits: map[chan time.Time]time.Duration{}}
}

func (c *handClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *handClock) After(d time.Duration) (<-chan time.Time, func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ch := make(chan time.Time, 1)
	c.waits[ch] = d
	return ch, func() { c.mu.Lock(); defer c.mu.Unlock(); delete(c.waits, ch) }
}

// pass lets time go by, which ends no wait.
func (c *handClock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// fire ends every wait of exactly d and reports how many there were.
func (c *handClock) fire(d time.Duration) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for ch, w := range c.waits {
		if w == d {
			ch <- c.now
			delete(c.waits, ch)
			n++
		}
	}
	return n
}

// pending lists the waits under way.
func (c *handClock) pending() []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []time.Duration
	for _, d := range c.waits {
		out = append(out, d)
	}
	return out
}

// streams is a directory that the test fills.
type streams struct {
	mu         sync.Mutex
	live, conf map[string]bool
}

func (s *streams) Live(p string) bool       { s.mu.Lock(); defer s.mu.Unlock(); return s.live[p] }
func (s *streams) Configured(p string) bool { s.mu.Lock(); defer s.mu.Unlock(); return s.conf[p] }
func (s *streams) setLive(p string, on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live[p] = on
}

// script is the source of these tests: each run of a stream takes its end from
// the channel.
type script struct {
	ends chan error
	runs chan string // a word for each run that began
	kept chan *pipeline.Kept
}

type scripted struct {
	*script
	stream string
	left   *pipeline.Kept
}

func (s scripted) Run(ctx context.Context, _ pipeline.Emit[*token]) error {
	s.runs <- s.stream
	s.kept <- s.left
	select {
	case err := <-s.ends:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func init() {
	pipeline.RegisterSource("scripted", struct{}{}, "", func(set pipeline.Settings, _ struct{}) (pipeline.Source[*token], error) {
		s, err := pipeline.Use[*script](set)
		return scripted{s, set.Stream, set.Kept}, err
	})
}

type rig struct {
	*pipeline.Recorder
	script *script
	dir    *streams
	clock  *handClock
	tasks  *pipeline.Tasks
}

func newRig(t *testing.T, modes ...pipeline.Mode) *rig {
	t.Helper()
	return newRigOf(t, "[scripted, collect]", modes...)
}

func newRigOf(t *testing.T, stages string, modes ...pipeline.Mode) *rig {
	t.Helper()
	b := &rig{
		script: &script{ends: make(chan error), runs: make(chan string, 100), kept: make(chan *pipeline.Kept, 100)},
		dir:    &streams{live: map[string]bool{}, conf: map[string]bool{"conf/a": true}},
		clock:  newHandClock(),
	}
	e := env(&probe{})
	pipeline.Provide(e.Services, b.script)
	e.Clock = b.clock
	b.tasks = pipeline.NewTasks(e.Log, b.clock)
	all, err := pipeline.ParseGlob("**")
	require.NoError(t, err)
	var declared []pipeline.Declared
	for _, m := range modes {
		plan := compile(t, stages)
		plan.Name = string(m)
		declared = append(declared, pipeline.Declared{Plan: plan, Streams: []pipeline.Glob{all}, Mode: m})
	}
	b.Recorder = pipeline.NewRecorder(e, b.tasks, b.dir, declared, time.Hour)
	t.Cleanup(func() {
		require.NoError(t, b.Shutdown(context.Background()))
		require.NoError(t, b.tasks.Stop(context.Background()))
		goleak.VerifyNone(t)
	})
	return b
}

// awaitRun waits until a run has begun, and is known to its job.
func (b *rig) awaitRun(t *testing.T, stream string) {
	t.Helper()
	select {
	case got := <-b.script.runs:
		require.Equal(t, stream, got)
	case <-time.After(20 * time.Second):
		require.Fail(t, "no run began")
	}
	b.awaitCounted(t, stream)
}

// awaitCounted waits until every job of a stream has counted a run: a job does that
// once its run goes.
func (b *rig) awaitCounted(t *testing.T, stream string) {
	t.Helper()
	require.Eventually(t, func() bool {
		return !slices.ContainsFunc(b.Status(stream), func(s pipeline.JobStatus) bool { return s.Runs == 0 })
	}, 20*time.Second, time.Millisecond)
}

func (b *rig) awaitGone(t *testing.T, stream string) {
	t.Helper()
	require.Eventually(t, func() bool { return len(b.Status(stream)) == 0 }, 20*time.Second, time.Millisecond)
}

func TestStartAndStop(t *testing.T) {
	b := newRig(t, pipeline.Manual)
	already, err := b.Start("conf/a", pipeline.StartOptions{})
	require.NoError(t, err)
	require.False(t, already)
	b.awaitRun(t, "conf/a")
	already, err = b.Start("conf/a", pipeline.StartOptions{})
	require.NoError(t, err)
	require.True(t, already)
	require.Equal(t, []string{"conf/a"}, b.Recording())

	was, err := b.Stop(t.Context(), "conf/a")
	require.NoError(t, err)
	require.True(t, was)
	require.Empty(t, b.Recording(), "a stopped recording is gone when Stop returns")
	was, err = b.Stop(t.Context(), "conf/a")
	require.NoError(t, err)
	require.False(t, was)
}

func TestUnknownStreamIsRefusedUnlessItIsWaitedFor(t *testing.T) {
	b := newRig(t, pipeline.Manual)
	_, err := b.Start("nobody", pipeline.StartOptions{})
	require.ErrorIs(t, err, pipeline.ErrUnknownStream)
	_, err = b.Start("../etc", pipeline.StartOptions{Wait: true})
	require.Error(t, err)
	_, err = b.Start("nobody", pipeline.StartOptions{Wait: true})
	require.NoError(t, err)
	b.awaitRun(t, "nobody")
}

func TestNoPipelineCoversTheStream(t *testing.T) {
	b := newRig(t, pipeline.Event)
	_, err := b.Start("conf/a", pipeline.StartOptions{})
	require.ErrorIs(t, err, pipeline.ErrNoPipeline)
}

func TestLostSourceRunsAgainAtOnce(t *testing.T) {
	b := newRig(t, pipeline.Manual)
	_, err := b.Start("conf/a", pipeline.StartOptions{})
	require.NoError(t, err)
	for range 3 {
		b.awaitRun(t, "conf/a")
		b.script.ends <- pipeline.End(pipeline.ReasonSourceLost)
	}
	b.awaitRun(t, "conf/a")
	require.Eventually(t, func() bool { return b.Status("conf/a")[0].Runs == 4 }, 20*time.Second, time.Millisecond)
	require.Zero(t, b.Status("conf/a")[0].Failures)
}

func TestFailureWaitsLongerEachTime(t *testing.T) {
	b := newRig(t, pipeline.Manual)
	_, err := b.Start("conf/a", pipeline.StartOptions{})
	require.NoError(t, err)
	for want := 500 * time.Millisecond; want < 5*time.Second; want *= 2 {
		b.awaitRun(t, "conf/a")
		b.script.ends <- errors.New("disk on fire")
		var d time.Duration
		require.Eventually(t, func() bool {
			p := b.clock.pending()
			if len(p) != 1 {
				return false
			}
			d = p[0]
			return true
		}, 20*time.Second, time.Millisecond)
		require.LessOrEqual(t, d, want)
		require.GreaterOrEqual(t, d, want/2)
		require.Equal(t, pipeline.JobBackoff, b.Status("conf/a")[0].State)
		require.Contains(t, b.Status("conf/a")[0].LastError, "disk on fire")
		require.Equal(t, 1, b.clock.fire(d))
	}
	b.awaitRun(t, "conf/a")
}

func TestStopDuringBackoff(t *testing.T) {
	b := newRig(t, pipeline.Manual)
	_, err := b.Start("conf/a", pipeline.StartOptions{})
	require.NoError(t, err)
	b.awaitRun(t, "conf/a")
	b.script.ends <- errors.New("disk on fire")
	require.Eventually(t, func() bool { return b.Status("conf/a")[0].State == pipeline.JobBackoff }, 20*time.Second, time.Millisecond)
	was, err := b.Stop(t.Context(), "conf/a")
	require.NoError(t, err)
	require.True(t, was)
}

func TestFiniteSourceEndsTheJob(t *testing.T) {
	b := newRig(t, pipeline.Manual)
	_, err := b.Start("conf/a", pipeline.StartOptions{})
	require.NoError(t, err)
	b.awaitRun(t, "conf/a")
	b.script.ends <- pipeline.End("end_of_file")
	b.awaitGone(t, "conf/a")
}

func TestDurationCountsFromThePublisher(t *testing.T) {
	b := newRig(t, pipeline.Manual)
	_, err := b.Start("conf/a", pipeline.StartOptions{Duration: 7 * time.Second})
	require.NoError(t, err)
	b.awaitRun(t, "conf/a")
	require.Zero(t, b.clock.fire(7*time.Second), "nobody publishes yet")
	b.dir.setLive("conf/a", true)
	b.Began("conf/a")
	require.Eventually(t, func() bool { return b.clock.fire(7*time.Second) == 1 }, 20*time.Second, time.Millisecond)
	b.awaitGone(t, "conf/a")
}

func TestAlwaysBeginsWithThePublisher(t *testing.T) {
	b := newRig(t, pipeline.Always, pipeline.Manual)
	b.dir.setLive("live/x", true)
	b.Began("live/x")
	b.awaitRun(t, "live/x")
	require.Len(t, b.Status("live/x"), 1, "manual waits for a start")

	b.script.ends <- pipeline.End(pipeline.ReasonSourceLost)
	b.awaitRun(t, "live/x") // the directory says that it is live again
	b.dir.setLive("live/x", false)
	b.script.ends <- pipeline.End(pipeline.ReasonSourceLost)
	b.awaitGone(t, "live/x")
}

func TestStopByHandHoldsAgainstAlways(t *testing.T) {
	b := newRig(t, pipeline.Always)
	b.dir.setLive("live/x", true)
	b.Began("live/x")
	b.awaitRun(t, "live/x")
	_, err := b.Stop(t.Context(), "live/x")
	require.NoError(t, err)
	b.Began("live/x")
	require.Empty(t, b.Status("live/x"))
	_, err = b.Start("live/x", pipeline.StartOptions{})
	require.NoError(t, err)
	b.awaitRun(t, "live/x")
}

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, path string
		want          bool
	}{
		{"**", "a", true}, {"**", "a/b/c", true},
		{"live/*", "live/a", true}, {"live/*", "live/a/b", false}, {"live/*", "other/a", false},
		{"live/**", "live/a/b", true}, {"live/**", "live", true},
		{"**/cam*", "x/y/cam1", true}, {"**/cam*", "x/y/door", false},
		{"a/**/z", "a/z", true}, {"a/**/z", "a/b/c/z", true}, {"a/**/z", "a/b/c", false},
		{"cam?", "cam1", true}, {"cam?", "cam12", false}, {"cam[0-3]", "cam2", true},
	} {
		g, err := pipeline.ParseGlob(c.pattern)
		require.NoError(t, err)
		require.Equal(t, c.want, g.Match(c.path), "%s on %s", c.pattern, c.path)
	}
	for _, bad := range []string{"", "a//b", "[", "/a", "a/", strings.Repeat("*a", 511)} {
		_, err := pipeline.ParseGlob(bad)
		require.Error(t, err, bad)
	}
}

func TestCheckPath(t *testing.T) {
	for _, good := range []string{"a", "live/camera01", "a/b/c/d", "kamera ä/1", "..."} {
		require.NoError(t, pipeline.CheckPath(good), good)
	}
	for _, bad := range []string{"", "/", "a/", "/a", "a//b", "..", "a/../b", "./a", "a\x00b", "a\nb", `a\b`, "\xff", string(make([]byte, 600))} {
		require.Error(t, pipeline.CheckPath(bad), "%q", bad)
	}
}

// What a run leaves is for the next run of the same job, and is closed with the
// job.
func TestRunLeavesSomethingToTheNextOne(t *testing.T) {
	b := newRig(t, pipeline.Manual)
	_, err := b.Start("conf/a", pipeline.StartOptions{})
	require.NoError(t, err)
	b.awaitRun(t, "conf/a")
	first := <-b.script.kept
	thing := make(keepsake)
	first.Leave("scripted", thing)
	b.script.ends <- pipeline.End(pipeline.ReasonSourceLost)
	b.awaitRun(t, "conf/a")
	second := <-b.script.kept
	require.Equal(t, thing, second.Take("scripted"))
	second.Leave("scripted", thing)
	_, err = b.Stop(t.Context(), "conf/a")
	require.NoError(t, err)
	<-thing // closed
}

type keepsake chan struct{}

func (k keepsake) Close() { close(k) }

func TestLastJobIsRemembered(t *testing.T) {
	b := newRig(t, pipeline.Manual)
	_, ok := b.Last("conf/a")
	require.False(t, ok)
	_, err := b.Start("conf/a", pipeline.StartOptions{})
	require.NoError(t, err)
	b.awaitRun(t, "conf/a")
	_, err = b.Stop(t.Context(), "conf/a")
	require.NoError(t, err)
	last, ok := b.Last("conf/a")
	require.True(t, ok)
	require.Equal(t, 1, last.Runs)
	require.Equal(t, pipeline.JobEnded, last.State)
}
