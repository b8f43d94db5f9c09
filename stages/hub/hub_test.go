package hub_test

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
	"github.com/gospool/spool/stages/hub"
)

const patience = time.Minute

type rig struct {
	*hub.Hub
	pool *media.Pool
}

func newRig(t *testing.T, cfg hub.Config) *rig {
	t.Helper()
	t.Cleanup(func() { goleak.VerifyNone(t) })
	return newRigOn(t, pipelinetest.Pool(t), cfg)
}

func newRigOn(t *testing.T, pool *media.Pool, cfg hub.Config) *rig {
	t.Helper()
	cfg.Log = cmp.Or(cfg.Log, slog.New(slog.DiscardHandler))
	tasks := pipeline.NewTasks(cfg.Log, pipeline.SystemClock)
	h := hub.New(pool, tasks, cfg)
	t.Cleanup(func() {
		h.Close()
		require.NoError(t, tasks.Stop(context.Background()))
	})
	return &rig{h, pool}
}

func (r *rig) publish(t *testing.T, path string) *hub.Publisher {
	t.Helper()
	p, err := r.Publish(path, hub.PublishOptions{Origin: "test"})
	require.NoError(t, err)
	require.NoError(t, p.SetTracks([]media.Track{pipelinetest.AVC(640, 360)}))
	return p
}

func (r *rig) subscribe(t *testing.T, path string) *hub.Subscription {
	t.Helper()
	s, err := r.Subscribe(path)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

// shoot writes frames [from, to) of a stream with a key frame every gop.
func shoot(t *testing.T, p *hub.Publisher, from, to, gop int) {
	t.Helper()
	for n := from; n < to; n++ {
		require.NoError(t, p.Write(0, frame(n, n%gop == 0)))
	}
}

func frame(n int, sync bool) *media.AU {
	at := int64(n) * 40_000_000
	return &media.AU{
		DTS: int64(n) * 3600, PTS: int64(n) * 3600, UTC: pipelinetest.StartUTC + at, MonoNS: at,
		Sync: sync, Payload: [][]byte{{0x65, byte(n >> 8), byte(n)}},
	}
}

func take(t *testing.T, s *hub.Subscription) *media.Chunk {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := s.Take(ctx)
	require.NoError(t, err)
	return c
}

// takeFrames takes chunks until n frames came, and returns the first one's number.
func takeFrames(t *testing.T, s *hub.Subscription, n int) (first int64) {
	t.Helper()
	first = -1
	for n > 0 {
		c := take(t, s)
		if first < 0 {
			first = c.Lead().DTS[0] / 3600
		}
		n -= c.AccessUnits()
		c.Release()
	}
	require.Zero(t, n)
	return first
}

func requireEnd(t *testing.T, s *hub.Subscription, reason media.Cause) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, err := s.Take(ctx)
	var end *pipeline.EndError
	require.ErrorAs(t, err, &end)
	require.EqualValues(t, reason, end.Reason)
}

func TestEverySubscriberGetsEveryChunkByReference(t *testing.T) {
	r := newRig(t, hub.Config{})
	a, b := r.subscribe(t, "live/x"), r.subscribe(t, "live/x")
	p := r.publish(t, "live/x")
	shoot(t, p, 0, 100, 25)
	p.Close(endcause.SourceLost)
	for range 4 {
		ca, cb := take(t, a), take(t, b)
		require.Same(t, ca, cb)
		ca.Release()
		cb.Release()
	}
	requireEnd(t, a, endcause.SourceLost)
	requireEnd(t, b, endcause.SourceLost)
}

func TestLateSubscriberBeginsWithTheNewestKeyFrame(t *testing.T) {
	r := newRig(t, hub.Config{})
	p := r.publish(t, "live/x")
	defer p.Close(endcause.SourceLost)
	shoot(t, p, 0, 190, 50) // GOPs at 0, 50, 100, 150; a chunk closes every 25
	s := r.subscribe(t, "live/x")
	c := take(t, s)
	defer c.Release()
	require.True(t, c.StartsGOP)
	require.EqualValues(t, 150, c.Lead().DTS[0]/3600)
}

func TestTracksLeftOutAreListedWhileTheirPublisherIsThere(t *testing.T) {
	r := newRig(t, hub.Config{})
	require.NoError(t, r.Configure("live/x", hub.StreamConfig{}))
	p := r.publish(t, "live/x")
	p.LeaveOut([]string{"opus"})
	require.Equal(t, []string{"opus"}, r.List()[0].Unrecorded)
	p.Close(endcause.SourceLost)
	require.Empty(t, r.List()[0].Unrecorded)
}

// recordings of every stream may begin, or a number of jobs records it.
type recordings struct {
	wanted     bool
	jobs       int
	generation uint64
	paths      []string // that were queried
}

func (r *recordings) MayBegin(path string) (bool, int) {
	r.paths = append(r.paths, path)
	return r.wanted, r.jobs
}
func (r *recordings) Generation() uint64 { return r.generation }
func (r *recordings) set(wanted bool)    { r.wanted, r.generation = wanted, r.generation+1 }

func TestNoGOPIsKeptUnlessARecordingWantsIt(t *testing.T) {
	r := newRig(t, hub.Config{})
	asked := &recordings{wanted: true}
	r.KeepGOPs(asked)
	p := r.publish(t, "live/x")
	defer p.Close(endcause.SourceLost)
	shoot(t, p, 0, 76, 25)
	require.Positive(t, r.pool.Memory())
	require.Equal(t, []string{"live/x"}, asked.paths, "once, whatever number of chunks there were")
	asked.set(false)
	shoot(t, p, 76, 101, 25)
	require.Zero(t, r.pool.Memory(), "the kept GOP is released, too")
	s := r.subscribe(t, "live/x")
	shoot(t, p, 101, 126, 25)
	c := take(t, s)
	defer c.Release()
	require.EqualValues(t, 100, c.Lead().DTS[0]/3600, "the chunk that was being filled")
	asked.set(true)
	shoot(t, p, 126, 151, 25)
	late := take(t, r.subscribe(t, "live/x"))
	defer late.Release()
	require.EqualValues(t, 125, late.Lead().DTS[0]/3600)
	take(t, s).Release()
}

// The hub keeps the newest GOP until each of the jobs has its subscription, and again when one has lost it.
func TestTheGOPIsKeptForJobsThatDoNotReadYet(t *testing.T) {
	r := newRig(t, hub.Config{})
	r.KeepGOPs(&recordings{jobs: 2})
	p := r.publish(t, "live/x")
	defer p.Close(endcause.SourceLost)
	one := r.subscribe(t, "live/x")
	shoot(t, p, 0, 26, 25)
	two := r.subscribe(t, "live/x")
	for _, s := range []*hub.Subscription{one, two} {
		c := take(t, s)
		require.Zero(t, c.Lead().DTS[0], "the first GOP")
		c.Release()
	}
	shoot(t, p, 26, 51, 25)
	take(t, one).Release()
	take(t, two).Release()
	require.Zero(t, r.pool.Memory(), "both read")
	two.Close()
	shoot(t, p, 51, 76, 25)
	take(t, one).Release()
	again := take(t, r.subscribe(t, "live/x"))
	defer again.Release()
	require.EqualValues(t, 50, again.Lead().DTS[0]/3600)
}

func TestSecondPublisherIsRefused(t *testing.T) {
	r := newRig(t, hub.Config{})
	p := r.publish(t, "live/x")
	_, err := r.Publish("live/x", hub.PublishOptions{})
	require.ErrorIs(t, err, hub.ErrBusy)
	shoot(t, p, 0, 3, 25) // the first goes on
	p.Close(endcause.SourceLost)
	r.publish(t, "live/x").Close(endcause.SourceLost)
}

func TestOverrideEndsTheOldPublisher(t *testing.T) {
	for _, configured := range []bool{false, true} {
		r := newRig(t, hub.Config{})
		if configured {
			require.NoError(t, r.Configure("live/x", hub.StreamConfig{Override: true}))
		}
		old := r.publish(t, "live/x")
		s := r.subscribe(t, "live/x")
		shoot(t, old, 0, 10, 25)
		p, err := r.Publish("live/x", hub.PublishOptions{Override: !configured})
		require.NoError(t, err)
		<-old.Done()
		require.ErrorIs(t, old.Write(0, frame(10, false)), hub.ErrReplaced)
		require.EqualValues(t, 0, takeFrames(t, s, 10))
		requireEnd(t, s, endcause.Replaced)
		p.Close(endcause.SourceLost)
	}
}

func TestBadPathsAreRefused(t *testing.T) {
	r := newRig(t, hub.Config{})
	for _, path := range []string{"", "/", "../x", "a//b", "a\x00"} {
		_, err := r.Publish(path, hub.PublishOptions{})
		require.Error(t, err, "%q", path)
		_, err = r.Subscribe(path)
		require.Error(t, err, "%q", path)
	}
	require.Empty(t, r.List())
}

func TestReturningPublisherMarksTheGap(t *testing.T) {
	r := newRig(t, hub.Config{})
	keep := r.subscribe(t, "live/x") // keeps the stream known in between
	p := r.publish(t, "live/x")
	shoot(t, p, 0, 30, 25)
	p.Close(endcause.SourceLost)
	takeFrames(t, keep, 30)
	requireEnd(t, keep, endcause.SourceLost)

	s := r.subscribe(t, "live/x")
	p = r.publish(t, "live/x")
	shoot(t, p, 0, 30, 25)
	c := take(t, s)
	require.Equal(t, media.GapSourceLost, c.Gap.Cause)
	require.Positive(t, c.Gap.DurationNS)
	c.Release()
	p.Close(endcause.SourceLost)
}

func TestFullQueueDropsToTheNextGOPAndReportsIt(t *testing.T) {
	r := newRig(t, hub.Config{MaxQueueBytes: 1})
	s := r.subscribe(t, "live/x")
	p := r.publish(t, "live/x")
	defer p.Close(endcause.SourceLost)
	shoot(t, p, 0, 151, 50) // chunks 0 1 | 2 3 | 4 5
	c := take(t, s)
	require.EqualValues(t, 0, c.Lead().DTS[0])
	c.Release()
	shoot(t, p, 151, 301, 50)
	mark := take(t, s)
	require.NotNil(t, mark.Mark)
	require.Equal(t, media.GapOverload, mark.Mark.Gap.Cause)
	require.Equal(t, 5, mark.Mark.Gap.Chunks)
	mark.Release()
	c = take(t, s)
	require.True(t, c.StartsGOP)
	require.EqualValues(t, 150, c.Lead().DTS[0]/3600)
	c.Release()
	require.NotZero(t, s.Dropped().AccessUnits)
}

func TestSameTracksAgainAreNoChange(t *testing.T) {
	r := newRig(t, hub.Config{})
	s := r.subscribe(t, "live/x")
	p := r.publish(t, "live/x")
	shoot(t, p, 0, 10, 100)
	require.NoError(t, p.SetTracks([]media.Track{pipelinetest.AVC(640, 360)}))
	shoot(t, p, 10, 20, 100)
	p.Close(endcause.SourceLost)
	require.EqualValues(t, 0, takeFrames(t, s, 20))
}

func TestLossesAreCountedByCause(t *testing.T) {
	r := newRig(t, hub.Config{})
	p := r.publish(t, "live/x")
	defer p.Close(endcause.SourceLost)
	require.ErrorIs(t, p.Write(0, frame(0, false)), media.ErrNoKeyFrame)
	require.NoError(t, p.Write(0, frame(1, true)))
	require.ErrorIs(t, p.Write(0, frame(1, true)), media.ErrTimeBack)
	p.Lost("rtp_loss", 7)
	require.Equal(t, []media.Loss{{Cause: "rtp_loss", Count: 7}, {Cause: "time_not_advancing", Count: 1}, {Cause: "waiting_for_key_frame", Count: 1}}, r.List()[0].Losses)
	require.EqualValues(t, 1, r.List()[0].AccessUnits)
}

func TestProblemsStandWhileTheirPublisherDoes(t *testing.T) {
	r := newRig(t, hub.Config{})
	require.NoError(t, r.Configure("live/a", hub.StreamConfig{}))
	p := r.publish(t, "live/a")
	p.Problem(1, &pipeline.Problem{Problem: "nothing_kept", Cause: "b"})
	p.Problem(0, &pipeline.Problem{Problem: "nothing_kept", Cause: "a"})
	p.Repaired("shared_timestamp", 3)
	info, ok := r.Info("live/a")
	require.True(t, ok)
	require.Equal(t, []media.Repair{{Cause: "shared_timestamp", Count: 3}}, info.Repairs)
	problems := r.Problems("live/a")
	require.Equal(t, []string{"a", "b"}, []string{problems[0].Cause, problems[1].Cause})
	require.Equal(t, "live/a", problems[0].Stream)
	p.Problem(0, nil)
	require.Len(t, r.Problems("live/a"), 1)
	p.Close(endcause.SourceLost)
	p.Problem(0, &pipeline.Problem{Problem: "nothing_kept"})
	require.Empty(t, r.Problems("live/a"))
	_, ok = r.Info("live/b")
	require.False(t, ok)
}

func TestAPublishedStreamIsForgottenWhenUnused(t *testing.T) {
	r := newRig(t, hub.Config{})
	p := r.publish(t, "live/x")
	require.True(t, r.Live("live/x"))
	require.Len(t, r.List(), 1)
	p.Close(endcause.SourceLost)
	p.Close(endcause.Stop)
	require.False(t, r.Live("live/x"))
	require.Empty(t, r.List())
}

func TestWatchIsNotifiedOfEachPublisher(t *testing.T) {
	r := newRig(t, hub.Config{})
	var told []string
	r.Watch(func(path string) {
		require.True(t, r.Live(path))
		told = append(told, path)
	})
	for range 2 {
		r.publish(t, "live/x").Close(endcause.SourceLost)
	}
	require.Equal(t, []string{"live/x", "live/x"}, told)
}

func TestCloseWhileWriting(t *testing.T) {
	r := newRig(t, hub.Config{})
	s := r.subscribe(t, "live/x")
	p := r.publish(t, "live/x")
	wrote := make(chan struct{})
	go func() {
		defer close(wrote)
		for n := 0; p.Write(0, frame(n, n%25 == 0)) == nil; n++ {
		}
	}()
	take(t, s).Release()
	p.Close(endcause.Stop)
	<-wrote
	for {
		c, err := s.Take(t.Context())
		if err != nil {
			break
		}
		c.Release()
	}
}

// well is a pull source of the test's own.
type well struct {
	pulls   atomic.Int64
	running atomic.Int64
	fail    atomic.Bool
	finite  bool
	follows bool  // it fails when its publication ends
	mute    bool  // it publishes, and fails without media
	breaks  bool  // it fails behind some media
	err     error // of a failure; nil: refused
}

func (w *well) Pull(ctx context.Context, publish func(string) (*hub.Publisher, error)) error {
	w.pulls.Add(1)
	if w.fail.Load() {
		return cmp.Or(w.err, errors.New("connection refused"))
	}
	w.running.Add(1)
	defer w.running.Add(-1)
	p, err := publish("well")
	if err != nil {
		return err
	}
	if w.mute {
		return errors.New("it sends nothing")
	}
	if err := p.SetTracks([]media.Track{pipelinetest.AVC(640, 360)}); err != nil {
		return err
	}
	for n := 0; n < 60; n++ {
		if err := p.Write(0, frame(n, n%25 == 0)); err != nil {
			return err
		}
	}
	if w.finite {
		return nil
	}
	if w.breaks {
		return errors.New("it broke")
	}
	if w.follows {
		<-p.Done()
		return errors.New("the publication ended")
	}
	<-ctx.Done()
	return context.Cause(ctx)
}

var wells = map[string]*well{}

func init() {
	hub.RegisterScheme("well", func(o hub.PullOptions) (hub.Puller, error) {
		w := wells[o.URL.Host]
		if w == nil {
			return nil, errors.New("no such well")
		}
		return w, nil
	})
}

func dig(t *testing.T, r *rig, name string, w *well) {
	t.Helper()
	wells[name] = w
	require.NoError(t, r.Configure("cam/"+name, hub.StreamConfig{Pull: "well://user:secret@" + name}))
}

func TestPullIsConnectedWhileItIsNeeded(t *testing.T) {
	r := newRig(t, hub.Config{Linger: time.Millisecond})
	w := &well{}
	dig(t, r, "a", w)
	require.Zero(t, w.pulls.Load(), "no subscription needs it yet")
	require.Equal(t, "configured", r.List()[0].State)
	s := r.subscribe(t, "cam/a")
	take(t, s).Release()
	require.EqualValues(t, 1, w.running.Load())
	s.Close()
	require.Eventually(t, func() bool { return w.running.Load() == 0 }, patience, time.Millisecond)

	again := r.subscribe(t, "cam/a")
	take(t, again).Release() // it may be of the first pull, whose publisher leaves after it
	require.Eventually(t, func() bool { return w.pulls.Load() == 2 }, patience, time.Millisecond)
}

func TestPullOutlivesAShortAbsence(t *testing.T) {
	r := newRig(t, hub.Config{Linger: time.Hour})
	w := &well{}
	dig(t, r, "b", w)
	for range 5 {
		s := r.subscribe(t, "cam/b")
		take(t, s).Release()
		s.Close()
	}
	require.EqualValues(t, 1, w.pulls.Load())
}

// TestAPullIsRetriedNoSoonerThanItsErrorAllows counts the attempts while the clock stands.
func TestAPullIsRetriedNoSoonerThanItsErrorAllows(t *testing.T) {
	waits := make(chan time.Duration, 10)
	r := newRig(t, hub.Config{Clock: noted{pipeline.SystemClock, waits}})
	w := &well{err: pipeline.TryLater(errors.New("locked"), time.Hour)}
	w.fail.Store(true)
	dig(t, r, "later", w)
	r.subscribe(t, "cam/later")
	require.Equal(t, time.Hour, <-waits)
	require.Equal(t, "locked", r.List()[0].LastError)
	require.EqualValues(t, 1, w.pulls.Load())
}

// noted is a clock that reports the duration of each wait.
type noted struct {
	pipeline.Clock
	waits chan time.Duration
}

func (c noted) After(d time.Duration) (<-chan time.Time, func()) {
	c.waits <- d
	return c.Clock.After(d)
}

// hasty is a clock on which waits are over at once, as many as are noted.
type hasty struct {
	pipeline.Clock
	waits chan time.Duration
}

func (c hasty) After(d time.Duration) (<-chan time.Time, func()) {
	over := make(chan time.Time, 1)
	select {
	case c.waits <- d:
		over <- c.Now()
	default:
	}
	return over, func() {}
}

func TestAPullThatGaveMediaWaitsTheShortestTime(t *testing.T) {
	waits := make(chan time.Duration, 6)
	r := newRig(t, hub.Config{Clock: hasty{pipeline.SystemClock, waits}})
	w := &well{breaks: true}
	dig(t, r, "breaks", w)
	r.subscribe(t, "cam/breaks")
	for range cap(waits) {
		require.LessOrEqual(t, <-waits, 500*time.Millisecond)
	}
}

func TestFailedPullIsTriedAgainAndShown(t *testing.T) {
	r := newRig(t, hub.Config{})
	w := &well{}
	w.fail.Store(true)
	dig(t, r, "c", w)
	s := r.subscribe(t, "cam/c")
	require.Eventually(t, func() bool { return r.List()[0].LastError != "" }, patience, time.Millisecond)
	info := r.List()[0]
	require.Equal(t, "connecting", info.State)
	require.Equal(t, "connection refused", info.LastError)
	require.NotContains(t, info.Pull, "secret")
	problems := r.Problems("cam/c")
	require.Len(t, problems, 1)
	require.Equal(t, "pull_failed cam/c connection refused", strings.Join([]string{problems[0].Problem, problems[0].Stream, problems[0].Cause}, " "))
	require.NotZero(t, info.PullFailed)
	w.fail.Store(false)
	take(t, s).Release()
	require.Empty(t, r.Problems("cam/c"), "media comes again")
}

func TestTheEndOfTheHubIsNoFailureOfAPull(t *testing.T) {
	waits := make(chan time.Duration, 10)
	r := newRig(t, hub.Config{Clock: noted{pipeline.SystemClock, waits}})
	dig(t, r, "closing", &well{follows: true})
	take(t, r.subscribe(t, "cam/closing")).Release()
	r.Close()
	require.Eventually(t, func() bool { return r.List()[0].State == "configured" }, patience, time.Millisecond)
	require.Empty(t, waits, "it is not tried again")
}

func TestFinitePullEndsTheStream(t *testing.T) {
	r := newRig(t, hub.Config{})
	w := &well{finite: true}
	dig(t, r, "d", w)
	s := r.subscribe(t, "cam/d")
	takeFrames(t, s, 60)
	requireEnd(t, s, endcause.EndOfFile)
	require.EqualValues(t, 1, w.pulls.Load())
}

func TestBadPullURLs(t *testing.T) {
	r := newRig(t, hub.Config{})
	for _, bad := range []string{"nope://x", "well://unknown", "://", "well://u:topsecret@[::1", "well://u:topsecret@h:port", "well://u:@h:topsecret"} {
		err := r.Configure("cam/x", hub.StreamConfig{Pull: bad})
		require.Error(t, err, bad)
		require.NotContains(t, err.Error(), "topsecret")
	}
	require.Empty(t, r.List())
}

// A queue that is full when the publisher leaves reports its drops in a mark, as no chunk follows to carry the gap.
func TestDropsAtTheEndAreReported(t *testing.T) {
	r := newRig(t, hub.Config{MaxQueueBytes: 1})
	s := r.subscribe(t, "live/x")
	p := r.publish(t, "live/x")
	shoot(t, p, 0, 100, 25)
	p.Close(endcause.SourceLost)
	var gap media.Gap
	for range 2 {
		c := take(t, s)
		if c.Mark != nil {
			gap = c.Mark.Gap
		}
		c.Release()
	}
	require.Equal(t, media.Gap{Cause: media.GapOverload, DurationNS: 3e9, Chunks: 3}, gap)
	requireEnd(t, s, endcause.SourceLost)
}

// A silent publisher loses its path: at once if it has not begun, soon to the same client, later to another client.
func TestASilentPublisherIsReplaced(t *testing.T) {
	a, b := hub.Client{User: "cam", Host: "10.0.0.1"}, hub.Client{Host: "10.0.0.2"}
	for name, c := range map[string]struct {
		silence time.Duration
		by      hub.Client
		taken   bool
	}{
		"sends":          {time.Second, a, false},
		"same host":      {2 * time.Second, hub.Client{Host: "10.0.0.1"}, true},
		"same user":      {2 * time.Second, hub.Client{User: "cam", Host: "10.0.0.9"}, true},
		"another":        {2 * time.Second, b, false},
		"another, later": {5 * time.Second, b, true},
		"unknown client": {4 * time.Second, hub.Client{}, false},
		"has not begun":  {hub.NotBegun, b, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, hub.Config{})
			gaveUp := 0
			old, err := r.Publish("live/x", hub.PublishOptions{
				Origin: "old", Client: a, GiveUp: func(end func()) { gaveUp++; end() },
				Silence: func() time.Duration { return c.silence },
			})
			require.NoError(t, err)
			next, err := r.Publish("live/x", hub.PublishOptions{Origin: "new", Client: c.by})
			if !c.taken {
				require.ErrorIs(t, err, hub.ErrBusy)
				require.ErrorContains(t, err, "old")
				require.EqualValues(t, 1, r.List()[0].Refused)
				require.Zero(t, gaveUp)
				return
			}
			require.NoError(t, err)
			require.Equal(t, 1, gaveUp)
			<-old.Done()
			require.Equal(t, "new", r.List()[0].Origin)
			next.Close(endcause.Stop)
		})
	}
}
