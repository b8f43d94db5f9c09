package seen

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
	"github.com/gospool/spool/stages/hub"
)

// handClock is a clock that the test sets.
type handClock struct {
	pipeline.Clock
	now time.Time
}

func (c *handClock) Now() time.Time { return c.now }

type expecting struct {
	*Expected
	t      *testing.T
	clock  *handClock
	wanted map[string]bool
}

func newExpecting(t *testing.T) *expecting {
	clock := &handClock{pipeline.SystemClock, time.Unix(0, pipelinetest.StartUTC)}
	log := slog.New(slog.DiscardHandler)
	tasks := pipeline.NewTasks(log, clock)
	h := hub.New(pipelinetest.Pool(t), tasks, hub.Config{Clock: clock, Log: log})
	t.Cleanup(func() {
		h.Close()
		require.NoError(t, tasks.Stop(context.Background()))
	})
	e := &expecting{t: t, clock: clock, wanted: map[string]bool{"live/a": true, "live/b": true}}
	known := Open(t.TempDir(), h.List, log)
	e.Expected = &Expected{Hub: h, Seen: known, Wants: func(path string) bool { return e.wanted[path] }, Clock: clock}
	h.Watch(func(path string) { known.Saw(path, clock.now) })
	h.WatchDepartures(func(d hub.Departure) { known.Left(d.Path, d.Last, d.Since) })
	return e
}

func (e *expecting) publish(path string) *hub.Publisher {
	p, err := e.Publish(path, hub.PublishOptions{Origin: "test"})
	require.NoError(e.t, err)
	require.NoError(e.t, p.SetTracks([]media.Track{pipelinetest.AVC(640, 360)}))
	return p
}

func (e *expecting) pass(d time.Duration) { e.clock.now = e.clock.now.Add(d) }

// requireMissing requires a problem of a stream since a moment, with this remedy.
func (e *expecting) requireMissing(path string, since time.Time, remedy string) {
	e.t.Helper()
	problems := e.Problems(path)
	require.Len(e.t, problems, 1)
	p := problems[0]
	require.Equal(e.t, "no_publisher", p.Problem)
	require.True(e.t, p.Failing)
	require.Equal(e.t, path, p.Stream)
	require.Contains(e.t, p.Remedy, remedy)
	require.True(e.t, since.Equal(p.Since), "%s, not %s", p.Since, since)
}

// A publisher that left is missed after a while, until it is back or forgotten.
func TestAPublisherThatLeftIsReportedMissing(t *testing.T) {
	e := newExpecting(t)
	p := e.publish("live/a")
	last := e.clock.now.Add(time.Second)
	require.NoError(t, p.Write(0, &media.AU{UTC: last.UnixNano(), Sync: true, Payload: [][]byte{{0x65}}}))
	e.pass(3 * time.Second)
	require.Empty(t, e.Problems("live/a"))
	left := e.clock.now
	p.Close(endcause.SourceLost)
	require.Equal(t, []string{"live/a"}, e.All())
	require.True(t, last.Equal(e.Seen.Remembered()[0].LastAccessUnit), "it is listed with its last access unit")
	e.pass(hub.LeastSilence - 1)
	require.Empty(t, e.Problems("live/a"))
	e.pass(1)
	e.requireMissing("live/a", left, "if it comes no more, DELETE /mp4/streams/{stream_path} forgets it")
	e.wanted["live/a"] = false
	require.Empty(t, e.Problems("live/a"), "it is not to be recorded")
	e.wanted["live/a"] = true

	p = e.publish("live/a")
	require.Empty(t, e.Problems("live/a"), "it is back")
	p.Close(endcause.SourceLost)
	e.pass(time.Hour)
	require.NotEmpty(t, e.Problems("live/a"))
	sub, err := e.Subscribe("live/a")
	require.NoError(t, err)
	e.requireMissing("live/a", left.Add(hub.LeastSilence), "POST /mp4/stop/{stream_path}; then DELETE /mp4/streams/{stream_path}")
	sub.Close()
	require.True(t, e.Seen.Forget("live/a"))
	require.Empty(t, e.Problems("live/a"))
}

// A stream that the configuration names is missed even if it was never published.
func TestAConfiguredStreamIsReportedMissing(t *testing.T) {
	e := newExpecting(t)
	began := e.clock.now
	require.NoError(t, e.Configure("live/a", hub.StreamConfig{}))
	require.NoError(t, e.Configure("live/unrecorded", hub.StreamConfig{}))
	e.pass(hub.LeastSilence - 1)
	require.NoError(t, e.Configure("live/a", hub.StreamConfig{Override: true}), "a reload begins no new wait")
	require.Empty(t, e.Problems("live/a"))
	e.pass(1)
	e.requireMissing("live/a", began, "take it out of streams in the configuration file")
	require.NotContains(t, e.Problems("live/a")[0].Remedy, "DELETE", "there is nothing to forget")
	require.Empty(t, e.Problems("live/unrecorded"))
	e.publish("live/a").Close(endcause.SourceLost)
	e.pass(hub.LeastSilence)
	e.requireMissing("live/a", began.Add(hub.LeastSilence), "then DELETE /mp4/streams/{stream_path} forgets it")
	e.Forget("live/a")
	require.True(t, e.Seen.Forget("live/a"))
	require.Empty(t, e.Problems("live/a"))
}

// A stream that a recording waits for and that was never published, or only before this run, is
// not missed.
func TestAStreamThatWasNeverPublishedIsNotReportedMissing(t *testing.T) {
	e := newExpecting(t)
	sub, err := e.Subscribe("live/a")
	require.NoError(t, err)
	defer sub.Close()
	e.Seen.Saw("live/b", e.clock.now)
	e.pass(time.Hour)
	require.Empty(t, e.Problems("live/a"))
	require.Empty(t, e.Problems("live/b"))
	require.Equal(t, []string{"live/a", "live/b"}, e.All())
}
