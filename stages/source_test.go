package stages

import (
	"context"
	"testing"

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
	err = (&source{hub: h, path: "live/x", clock: pipeline.SystemClock}).Run(ctx, func(c *media.Chunk) error {
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
		require.NoError(t, p.SetTracks([]media.Track{pipelinetest.AVC(640, 360)}))
		for n := range units {
			require.NoError(t, p.Write(0, &media.AU{
				DTS: n * 3600, PTS: n * 3600, UTC: pipelinetest.StartUTC, MonoNS: n * 40_000_000,
				Sync: n%25 == 0, Payload: [][]byte{{0x65}},
			}))
		}
		p.Close(endcause.SourceLost)
	}
	kept := &pipeline.Handover{}
	record := func() (got int) {
		s := &source{hub: h, path: "live/x", stage: "source", handover: kept, clock: pipeline.SystemClock}
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
	set := pipeline.NewSettings(env, "p", "live/x", "source")
	p, err := h.Publish("live/x", hub.PublishOptions{})
	require.NoError(t, err)
	require.NoError(t, p.SetTracks([]media.Track{pipelinetest.AVC(640, 360)}))
	SourceConfig{}.Prepare(set)
	SourceConfig{}.Prepare(set) // the first subscription stays
	for n := range int64(60) {
		require.NoError(t, p.Write(0, &media.AU{
			DTS: n * 3600, PTS: n * 3600, UTC: pipelinetest.StartUTC, MonoNS: n * 40_000_000,
			Sync: n%25 == 0, Payload: [][]byte{{0x65}},
		}))
	}
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

// A run for a publisher may begin after the publisher has left, or see it leave before its tracks are known. Without
// this end each path with a short-lived publisher would keep a run for ever.
func TestPublisherThatHasLeftIsNotAwaited(t *testing.T) {
	pool := pipelinetest.Pool(t)
	env := pipelinetest.Env()
	h := hub.New(pool, pipeline.NewTasks(env.Log, env.Clock), hub.Config{Log: env.Log})
	defer h.Close()
	ended := make(chan error)
	env.For = pipeline.PresentPublisher
	begin := func() {
		set := pipeline.NewSettings(env, "p", "live/x", "source")
		s := &source{hub: h, path: "live/x", clock: pipeline.SystemClock, of: set.For}
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
