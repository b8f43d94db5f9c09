package stages

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
)

var quick = MotionConfig{
	Threshold: 2.5, Window: config.Duration(500 * time.Millisecond), Adapt: config.Duration(12 * time.Second),
	Hold: config.Duration(3 * time.Second), Name: "motion",
}

// watched returns the events that motion raises on a stream with pictures of the given sizes, one for each second. Key
// frames, ten times as large, begin each second.
func watched(t *testing.T, cfg MotionConfig, sizes ...int) (events []media.Raised) {
	t.Helper()
	pool := pipelinetest.Pool(t)
	var env pipeline.Services
	pipeline.Provide(&env, pool)
	m := &motion{cfg: cfg, pool: pool, set: pipeline.Settings{Log: slog.New(slog.DiscardHandler), Clock: pipeline.SystemClock}}
	cam := pipelinetest.NewCamera(t, pool)
	emit := func(c *media.Chunk) error {
		if c.Mark != nil {
			require.Equal(t, media.MarkRaised, c.Mark.Kind)
			events = append(events, *c.Mark.Raised)
		}
		c.Release()
		return nil
	}
	for _, size := range sizes {
		cam.Bytes = size * 10
		shot := cam.Shoot(t, 1)
		cam.Bytes = size
		for _, c := range append(shot, cam.Shoot(t, 24)...) {
			require.NoError(t, m.Process(t.Context(), c, emit))
		}
	}
	return events
}

func secondsOf(size, n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = size
	}
	return out
}

func TestMotionIsSeenFromSizes(t *testing.T) {
	quiet := secondsOf(1000, 20)
	events := watched(t, quick, append(append(quiet, 5000, 5000, 1000, 1000), secondsOf(1000, 10)...)...)
	require.NotEmpty(t, events)
	first := events[0]
	require.InDelta(t, 20.5, sinceStart(events[0].AtUTC), 1, "within the first second of it")
	require.Equal(t, "motion", first.Name)
	require.Regexp(t, `^\{"score":\d+\.\d\d\}$`, string(first.Data))
	for _, e := range events {
		require.Equal(t, first.ID, e.ID, "one motion is one event")
		require.Less(t, sinceStart(e.AtUTC), 23.0, "and ends with it")
	}
}

func TestMotionThatComesBackLaterIsAnotherEvent(t *testing.T) {
	sizes := append(secondsOf(1000, 20), 6000)
	sizes = append(append(sizes, secondsOf(1000, 10)...), 6000)
	events := watched(t, quick, append(sizes, secondsOf(1000, 3)...)...)
	ids := map[media.ID]bool{}
	for _, e := range events {
		ids[e.ID] = true
	}
	require.Len(t, ids, 2)
}

func TestNoMotionInAStillScene(t *testing.T) {
	for name, sizes := range map[string][]int{
		"quiet":                 secondsOf(1000, 60),
		"busy from the start":   secondsOf(40_000, 60),
		"while it learns":       append(secondsOf(1000, 2), 4000, 1000, 1000),
		"slowly louder":         {1000, 1000, 1000, 1000, 1000, 1100, 1210, 1330, 1460, 1610, 1770, 1950, 2140, 2360, 2590},
		"nothing but headers":   secondsOf(1, 30),
		"quieter than it was":   append(secondsOf(5000, 20), secondsOf(500, 20)...),
		"a little more at once": append(secondsOf(1000, 20), secondsOf(2000, 5)...),
	} {
		require.Empty(t, watched(t, quick, sizes...), name)
	}
}

// Hours of rain are not motion.
func TestConstantMotionBecomesUsual(t *testing.T) {
	events := watched(t, quick, append(secondsOf(1000, 20), secondsOf(5000, 60)...)...)
	require.NotEmpty(t, events)
	require.Less(t, sinceStart(events[len(events)-1].AtUTC), 40.0)
}

func TestMotionLearnsAnewFromOtherTracks(t *testing.T) {
	m := &motion{cfg: quick, set: pipeline.Settings{Clock: pipeline.SystemClock}}
	pool := pipelinetest.Pool(t)
	cam := pipelinetest.NewCamera(t, pool)
	for _, c := range cam.Shoot(t, 500) {
		m.watch(c)
		c.Release()
	}
	cam.Cut()[0].Release()
	cam.Tracks(t, pipelinetest.AVC(640, 360))
	seen := m.seenNS
	cam.GOP = 1
	cam.Shoot(t, 2)
	c := cam.Cut()[0]
	m.watch(c)
	c.Release()
	require.Less(t, m.seenNS, seen)
	mark := pool.NewMark(nil, 0, media.Mark{Kind: media.MarkEnd})
	m.watch(mark)
	mark.Release()
}

func TestMotionSettingsThatCannotWork(t *testing.T) {
	require.NoError(t, quick.Validate())
	for _, spoil := range []func(*MotionConfig){
		func(c *MotionConfig) { c.Threshold = 1 },
		func(c *MotionConfig) { c.Threshold = 1001 },
		func(c *MotionConfig) { c.Window = 0 },
		func(c *MotionConfig) { c.Adapt = c.Window },
		func(c *MotionConfig) { c.Hold = 0 },
	} {
		c := quick
		spoil(&c)
		require.Error(t, c.Validate())
	}
}

// A motion stage triggers a gop_ring of the same pipeline.
func TestMotionOpensTheGate(t *testing.T) {
	pool := pipelinetest.Pool(t)
	r := newGateRig(t, pool, 25, GOPRingConfig{Before: seconds(4), After: seconds(2)})
	m := &motion{cfg: quick, pool: pool, set: r.gate.set}
	emit := func(c *media.Chunk) error {
		if c.Mark != nil {
			r.gate.Put(c)
			r.collect()
		} else {
			r.put(c)
		}
		return nil
	}
	for s := range 60 {
		r.cam.Bytes = 1000
		if s >= 30 && s < 33 {
			r.cam.Bytes = 8000
		}
		for _, c := range r.cam.Shoot(t, 25) {
			require.NoError(t, m.Process(t.Context(), c, emit))
		}
	}
	require.Len(t, r.recs, 1)
	from, to := r.span(r.recs[0])
	require.InDelta(t, 26, from, 1)
	require.InDelta(t, 36, to, 2)
	require.EqualValues(t, endcause.Event, r.recs[0].ends)
	require.Len(t, r.recs[0].events, 1)
	require.InDelta(t, 30, sinceStart(r.recs[0].events[0].AtUTC), 1)
	r.done()
}
