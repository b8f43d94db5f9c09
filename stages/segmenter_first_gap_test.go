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

// The gap before the first file of a run counts only if an earlier run of the same recording has read the stream.
func TestOnlyAnEarlierRunMakesTheFirstChunksGapMissingMedia(t *testing.T) {
	lost, loss := media.Gap{Cause: media.GapSourceLost, DurationNS: 9e9}, media.Gap{Cause: media.GapRTPLoss, DurationNS: 1e9}
	none := media.Gap{}
	wrote := time.Unix(0, pipelinetest.StartUTC)
	for name, c := range map[string]struct {
		mode   pipeline.Mode
		after  *pipeline.Ended
		behind bool // an earlier run left its end
		gap    media.Gap
		want   media.Gap
	}{
		"a start":                             {gap: lost, want: none},
		"a start after a loss on the network": {gap: loss, want: none},
		"always":                              {mode: pipeline.ModeAlways, gap: lost, want: none},
		"the publisher left before its key frame":     {after: &pipeline.Ended{Reason: endcause.SourceLost}, gap: lost, want: none},
		"the publisher left":                          {after: &pipeline.Ended{Reason: endcause.SourceLost, Written: wrote}, behind: true, gap: lost, want: lost},
		"the publisher left, in a branch":             {after: &pipeline.Ended{Reason: endcause.SourceLost, Written: wrote}, gap: lost, want: lost},
		"a reload":                                    {behind: true, gap: lost, want: lost},
		"an event of the first run":                   {mode: pipeline.ModeEvent, gap: lost, want: none},
		"an event of the first run, loss in pre-roll": {mode: pipeline.ModeEvent, gap: loss, want: loss},
		"an event after the publisher left":           {mode: pipeline.ModeEvent, after: &pipeline.Ended{Reason: endcause.SourceLost}, gap: lost, want: lost},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReel(t, SegmenterConfig{}, nil)
			set := r.seg.(*segmenter).set
			set.Mode, set.After = c.mode, c.after
			if c.behind {
				set.Handover.Leave("segmenter", leftGap{})
			}
			seg, err := newSegmenter(set, SegmenterConfig{})
			require.NoError(t, err)
			r.seg = seg
			cam := pipelinetest.NewCamera(t, pipelinetest.Pool(t))
			cam.Gap(c.gap)
			r.feed(append(cam.Shoot(t, 25), cam.Cut()...)...)
			r.flush()
			require.Len(t, r.segments, 1)
			require.Equal(t, c.want, r.last().Gap)
			require.EqualValues(t, c.want.Cause != "", r.report().Gaps == 1)
		})
	}
}

// Two pipelines read a stream whose publisher leaves and returns: the gap is in the file of the one that waited, and
// not in that of the one that was stopped before and started again.
func TestAStreamThatWasNotReadHasNoGap(t *testing.T) {
	pool, env := pipelinetest.Pool(t), pipelinetest.Env()
	h := hub.New(pool, pipeline.NewTasks(env.Log, env.Clock), hub.Config{Log: env.Log})
	defer h.Close()
	subscribed := func() *pipeline.Handover {
		sub, err := h.Subscribe("live/x")
		require.NoError(t, err)
		kept := &pipeline.Handover{}
		kept.Leave("source", sub)
		return kept
	}
	sent := int64(0)
	publish := func() *hub.Publisher {
		p, err := h.Publish("live/x", hub.PublishOptions{})
		require.NoError(t, err)
		require.NoError(t, p.SetTracks([]media.Track{pipelinetest.AVC(640, 360)}))
		for n := range int64(50) {
			ns := sent * 40_000_000
			sent++
			require.NoError(t, p.Write(0, &media.AU{
				DTS: n * 3600, PTS: n * 3600, UTC: pipelinetest.StartUTC + ns, MonoNS: ns, Sync: n%25 == 0, Payload: [][]byte{{0x65}},
			}))
		}
		return p
	}
	// record runs a pipeline until its publisher leaves, or until a stop after its first chunk.
	record := func(kept *pipeline.Handover, after *pipeline.Ended, stop bool) (gap media.Gap, end error) {
		r := newReel(t, SegmenterConfig{}, nil)
		set := r.seg.(*segmenter).set
		set.Handover, set.After = kept, after
		seg, err := newSegmenter(set, SegmenterConfig{})
		require.NoError(t, err)
		r.seg = seg
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		end = newSourceOf(t, h, kept, pipeline.AnyPublisher).Run(ctx, func(c *media.Chunk) error {
			if stop {
				cancel()
			}
			r.feed(c)
			return nil
		})
		r.flush()
		require.NoError(t, seg.(*segmenter).Close())
		require.Len(t, r.segments, 1)
		require.Equal(t, 50, r.last().units)
		return r.last().Gap, end
	}
	lost := pipeline.End(endcause.SourceLost)

	waits, stopped := subscribed(), subscribed()
	p := publish()
	gap, end := record(stopped, nil, true)
	require.Equal(t, pipeline.End(endcause.Stop), end)
	require.True(t, gap.None())
	stopped.Close()
	p.Close(endcause.SourceLost)
	_, end = record(waits, nil, false)
	require.Equal(t, lost, end)

	sent += 1000
	started := subscribed()
	publish().Close(endcause.SourceLost)
	gap, end = record(waits, &pipeline.Ended{Reason: endcause.SourceLost}, false)
	require.Equal(t, lost, end)
	require.Equal(t, media.GapSourceLost, gap.Cause, "it waited")
	require.GreaterOrEqual(t, gap.DurationNS, int64(40*time.Second))
	gap, end = record(started, nil, false)
	require.Equal(t, lost, end)
	require.Equal(t, media.Gap{}, gap, "it was not recording")
	waits.Close()
	started.Close()
}
