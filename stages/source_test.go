package stages

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
	"github.com/gospool/spool/stages/hub"
)

// A stop records up to the newest access unit, not up to the last full chunk.
func TestSourceDrainsUpToTheNewestAccessUnit(t *testing.T) {
	pool := pipelinetest.Pool(t)
	env := pipelinetest.Env()
	h := hub.New(pool, pipeline.NewTasks(env.Log, env.Clock), hub.Config{Log: env.Log})
	defer h.Close()
	p, err := h.Publish("live/x", hub.PublishOptions{})
	require.NoError(t, err)
	require.NoError(t, p.SetTracks([]media.Track{pipelinetest.AVC(640, 360)}))
	write := func(n int64) {
		require.NoError(t, p.Write(0, &media.AU{
			DTS: n * 3600, PTS: n * 3600, UTC: pipelinetest.StartUTC, MonoNS: n * 40_000_000,
			Sync: n%25 == 0, Payload: [][]byte{{0x65}},
		}))
	}
	for n := range int64(40) { // one chunk of 25, and 15 on the way
		write(n)
	}
	ctx, drain := context.WithCancel(t.Context())
	got := 0
	err = newSourceOf(t, h, nil, pipeline.AnyPublisher).Run(ctx, func(c *media.Chunk) error {
		got += c.AccessUnits()
		c.Release()
		drain()
		return nil
	})
	var end *pipeline.EndError
	require.ErrorAs(t, err, &end)
	require.Equal(t, 40, got)
	write(40) // the publisher goes on
}

// The previous run still finishes its files when the next publisher is GOPs ahead.
func TestPublisherThatReturnsDuringTheDrainIsNotMissed(t *testing.T) {
	pool := pipelinetest.Pool(t)
	env := pipelinetest.Env()
	h := hub.New(pool, pipeline.NewTasks(env.Log, env.Clock), hub.Config{Log: env.Log})
	defer h.Close()
	publish := func(units int64) {
		p, err := h.Publish("live/x", hub.PublishOptions{})
		require.NoError(t, err)
		shoot(t, p, units)
		p.Close(endcause.SourceLost)
	}
	kept := &pipeline.Handover{}
	record := func() (got int) {
		s := newSourceOf(t, h, kept, pipeline.AnyPublisher)
		err := s.Run(t.Context(), func(c *media.Chunk) error {
			got += c.AccessUnits()
			c.Release()
			return nil
		})
		require.Equal(t, pipeline.End(endcause.SourceLost), err)
		return got
	}
	first, err := h.Subscribe("live/x")
	require.NoError(t, err)
	kept.Leave("source", first)
	publish(50)
	require.Equal(t, 50, record())
	publish(100) // without a run
	require.Equal(t, 100, record(), "four GOPs, not the newest alone")
	kept.Take("source").Close()
}

// A job begins with its publisher. Its first run starts later.
func TestPublisherThatLeavesBeforeTheFirstRunIsRecorded(t *testing.T) {
	pool, env := pipelinetest.Pool(t), pipelinetest.Env()
	h := hub.New(pool, pipeline.NewTasks(env.Log, env.Clock), hub.Config{Log: env.Log})
	defer h.Close()
	env.Services, env.For, env.Handover = &pipeline.Services{}, pipeline.PresentPublisher, &pipeline.Handover{}
	pipeline.Provide(env.Services, h)
	pipeline.Provide(env.Services, pool)
	set := pipeline.NewSettings(env, "p", "live/x", "source")
	p, err := h.Publish("live/x", hub.PublishOptions{})
	require.NoError(t, err)
	require.NoError(t, p.SetTracks([]media.Track{pipelinetest.AVC(640, 360)}))
	SourceConfig{}.Prepare(set)
	SourceConfig{}.Prepare(set) // the first subscription stays
	shoot(t, p, 60)
	p.Close(endcause.SourceLost)
	s, err := newSource(set, SourceConfig{})
	require.NoError(t, err)
	got := 0
	require.Equal(t, pipeline.End(endcause.SourceLost), s.Run(t.Context(), func(c *media.Chunk) error {
		got += c.AccessUnits()
		c.Release()
		return nil
	}))
	require.Equal(t, 60, got)
	set.Handover.Close()
	require.Empty(t, h.List(), "nothing is left of the path")
}

// Two publishers come and leave before the run of the first has taken its last chunk. Each gets a run of its own, and
// none is missed, also by a run that is to end with its publisher.
func TestPublishersThatLeaveBeforeTheirRunAreRecorded(t *testing.T) {
	for name, of := range map[string]pipeline.Publishers{"any": pipeline.AnyPublisher, "present": pipeline.PresentPublisher} {
		t.Run(name, func(t *testing.T) {
			env := pipelinetest.Env()
			h := hub.New(pipelinetest.Pool(t), pipeline.NewTasks(env.Log, env.Clock), hub.Config{Log: env.Log})
			defer h.Close()
			publish := func(units int64) {
				p, err := h.Publish("live/x", hub.PublishOptions{})
				require.NoError(t, err)
				shoot(t, p, units)
				p.Close(endcause.SourceLost)
			}
			kept := &pipeline.Handover{}
			record := func(meanwhile func()) (got int) {
				s := newSourceOf(t, h, kept, of)
				err := s.Run(t.Context(), func(c *media.Chunk) error {
					if got == 0 {
						meanwhile()
					}
					got += c.AccessUnits()
					c.Release()
					return nil
				})
				require.Equal(t, pipeline.End(endcause.SourceLost), err)
				return got
			}
			first, err := h.Subscribe("live/x")
			require.NoError(t, err)
			kept.Leave("source", first)
			publish(50)
			require.Equal(t, 50, record(func() { publish(75); publish(100) }))
			require.True(t, kept.Pending())
			require.Equal(t, 75, record(func() {}))
			require.True(t, kept.Pending())
			require.Equal(t, 100, record(func() {}))
			require.False(t, kept.Pending())
			kept.Close()
		})
	}
}

// A stop ends each run at the end of its publisher, and the last one at the newest access unit.
func TestAStopDrainsTheMediaOfTwoPublishers(t *testing.T) {
	env := pipelinetest.Env()
	h := hub.New(pipelinetest.Pool(t), pipeline.NewTasks(env.Log, env.Clock), hub.Config{Log: env.Log})
	defer h.Close()
	kept := &pipeline.Handover{}
	first, err := h.Subscribe("live/x")
	require.NoError(t, err)
	kept.Leave("source", first)
	p, err := h.Publish("live/x", hub.PublishOptions{})
	require.NoError(t, err)
	shoot(t, p, 50)
	p.Close(endcause.SourceLost)
	p, err = h.Publish("live/x", hub.PublishOptions{})
	require.NoError(t, err)
	shoot(t, p, 40) // one chunk of 25, and 15 on the way
	stopped, stop := context.WithCancel(t.Context())
	stop()
	for _, want := range []struct {
		units int
		end   string
	}{{50, endcause.SourceLost}, {40, endcause.Stop}} {
		require.True(t, kept.Pending())
		got := 0
		err := newSourceOf(t, h, kept, pipeline.AnyPublisher).Run(stopped, func(c *media.Chunk) error {
			got += c.AccessUnits()
			c.Release()
			return nil
		})
		require.Equal(t, pipeline.End(want.end), err)
		require.Equal(t, want.units, got)
	}
	require.False(t, kept.Pending())
}

// An event waits for the first picture. The publisher sends its media and leaves before the source takes the first
// chunk.
func TestAnEventThatWaitedIsMarkedThoughThePublisherHasLeft(t *testing.T) {
	env := pipelinetest.Env()
	pool := pipelinetest.Pool(t)
	h := hub.New(pool, pipeline.NewTasks(env.Log, env.Clock), hub.Config{Log: env.Log})
	defer h.Close()
	kept := &pipeline.Handover{}
	first, err := h.Subscribe("live/x")
	require.NoError(t, err)
	kept.Leave("source", first)
	s := newSourceOf(t, h, kept, pipeline.AnyPublisher)
	now := time.Now()
	got, err := s.(pipeline.Triggerer).Trigger(pipeline.Trigger{At: now, Before: -1, After: time.Hour, Name: "bell", Partial: true, WaitUntil: now.Add(time.Hour)})
	require.NoError(t, err)
	require.Equal(t, pipeline.EventWaiting, got.Status)
	p, err := h.Publish("live/x", hub.PublishOptions{})
	require.NoError(t, err)
	shoot(t, p, 25)
	p.Close(endcause.SourceLost)
	var names []string
	err = s.Run(t.Context(), func(c *media.Chunk) error {
		if c.Mark != nil {
			names = append(names, c.Mark.Event.Name)
		}
		c.Release()
		return nil
	})
	require.Equal(t, pipeline.End(endcause.SourceLost), err)
	require.Equal(t, []string{"bell"}, names)
	kept.Close()
}

// newSourceOf returns the source of a run that reads live/x from h.
func newSourceOf(t *testing.T, h *hub.Hub, kept *pipeline.Handover, of pipeline.Publishers) pipeline.Source[*media.Chunk] {
	t.Helper()
	env := pipelinetest.Env()
	env.Services, env.Handover, env.For = &pipeline.Services{}, kept, of
	pipeline.Provide(env.Services, h)
	pipeline.Provide(env.Services, pipelinetest.Pool(t))
	s, err := newSource(pipeline.NewSettings(env, "p", "live/x", "source"), SourceConfig{})
	require.NoError(t, err)
	return s
}

// shoot sets the tracks of a publisher, and writes access units with a key frame each second.
func shoot(t *testing.T, p *hub.Publisher, units int64) {
	t.Helper()
	require.NoError(t, p.SetTracks([]media.Track{pipelinetest.AVC(640, 360)}))
	for n := range units {
		require.NoError(t, p.Write(0, &media.AU{
			DTS: n * 3600, PTS: n * 3600, UTC: pipelinetest.StartUTC + n*40_000_000, MonoNS: n * 40_000_000,
			Sync: n%25 == 0, Payload: [][]byte{{0x65}},
		}))
	}
}

// A run for a publisher may begin after the publisher has left, or see it leave before its tracks are known. Without
// this end each path with a short-lived publisher would keep a run for ever.
func TestPublisherThatHasLeftIsNotAwaited(t *testing.T) {
	pool := pipelinetest.Pool(t)
	env := pipelinetest.Env()
	h := hub.New(pool, pipeline.NewTasks(env.Log, env.Clock), hub.Config{Log: env.Log})
	defer h.Close()
	ended := make(chan error)
	begin := func() {
		s := newSourceOf(t, h, nil, pipeline.PresentPublisher)
		go func() { ended <- s.Run(t.Context(), func(*media.Chunk) error { panic("nothing was sent") }) }()
	}
	publish := func() *hub.Publisher {
		p, err := h.Publish("live/x", hub.PublishOptions{})
		require.NoError(t, err)
		return p
	}
	p := publish()
	require.NoError(t, p.SetTracks([]media.Track{pipelinetest.AVC(640, 360)}))
	p.Close(endcause.SourceLost)
	begin()
	require.Equal(t, pipeline.End(endcause.SourceLost), <-ended)

	p = publish()
	begin()
	select {
	case err := <-ended:
		require.Fail(t, "a publisher was there", err)
	default:
	}
	p.Close(endcause.SourceLost)
	require.Equal(t, pipeline.End(endcause.SourceLost), <-ended)
	require.Empty(t, h.List(), "nothing is left of the path")
}
