package file

import (
	"context"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
	"github.com/gospool/spool/stages/hub"
)

func newStage(t *testing.T, cfg Config) *source {
	t.Helper()
	s := &source{cfg: cfg, pool: pipelinetest.Pool(t), clock: pipeline.SystemClock, log: quiet}
	require.NoError(t, s.Open(t.Context()))
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func TestRunEndsWithTheFile(t *testing.T) {
	s := newStage(t, Config{Path: encode(t, "a.mp4", pictures, sounds, short, h264, aac), Speed: speedMax})
	n := 0
	err := s.Run(t.Context(), func(c *media.Chunk) error { n += c.Lead().Len(); c.Release(); return nil })
	var end *pipeline.EndError
	require.ErrorAs(t, err, &end)
	require.EqualValues(t, endcause.EndOfFile, end.Reason)
	require.Equal(t, 83, n)
}

// In real time a chunk is emitted at the time of its end, to the millisecond, lap after lap.
func TestRealtimeKeepsTheTime(t *testing.T) {
	path := encode(t, "a.mp4", pictures, []string{"-t", "3"}, h264)
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, Config{Path: path, Speed: speedRealtime, Loop: true})
		began := time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		played := time.Duration(0)
		require.NoError(t, s.Run(ctx, func(c *media.Chunk) error {
			defer c.Release()
			played += time.Duration(c.SpanNS())
			require.WithinDuration(t, began.Add(played), time.Now(), time.Millisecond)
			if played > 10*time.Second {
				cancel()
			}
			return nil
		}))
	})
}

// Subscribers of a file on the hub get its content.
func TestPullPublishesTheFile(t *testing.T) {
	path := encode(t, "a.mp4", pictures, sounds, short, h264, aac)
	want := readAllOf(t, open(t, path))
	pool := pipelinetest.Pool(t)
	tasks := pipeline.NewTasks(quiet, pipeline.SystemClock)
	h := hub.New(pool, tasks, hub.Config{Log: quiet})
	defer func() {
		h.Close()
		require.NoError(t, tasks.Stop(context.Background()))
	}()
	require.NoError(t, h.Configure("live/file", hub.StreamConfig{Pull: "file:" + path + "?speed=max"}))
	sub, err := h.Subscribe("live/file")
	require.NoError(t, err)
	defer sub.Close()
	got := map[int][]packet{}
	for {
		c, err := sub.Take(t.Context())
		if err != nil {
			require.True(t, isEnd(err), "%v", err)
			require.ErrorContains(t, err, endcause.EndOfFile)
			break
		}
		collect(t, got, c)
		c.Release()
	}
	// Sound that precedes the first picture arrives too.
	require.Equal(t, want, got)
}

func TestParse(t *testing.T) {
	for raw, want := range map[string]Config{
		"file:clip.mp4":                                 {Path: "clip.mp4", Speed: speedRealtime},
		"file:dir/a%20b.mp4?loop=true":                  {Path: "dir/a b.mp4", Speed: speedRealtime, Loop: true},
		"file:/abs/a%3F.mp4?speed=max&loop=false":       {Path: "/abs/a?.mp4", Speed: speedMax},
		"file:///abs/clip.mp4?speed=realtime":           {Path: "/abs/clip.mp4", Speed: speedRealtime},
		"file:../up.mp4?speed=max&loop=true&loop=false": {Path: "../up.mp4", Speed: speedMax},
	} {
		u, err := url.Parse(raw)
		require.NoError(t, err)
		got, err := Parse(u)
		require.NoError(t, err)
		require.Equal(t, want, got, raw)
	}
	for raw, want := range map[string]string{
		"file:":                  "write file:PATH",
		"file://host/clip.mp4":   "write file:PATH",
		"file:a.mp4#part":        "write file:PATH",
		"file:a.mp4?speed=fast":  "max or realtime",
		"file:a.mp4?loop=maybe":  "true or false",
		"file:a.mp4?sped=max":    "known are speed and loop",
		"file:a.mp4?loop=%zz":    "cannot be read",
		"file:a%zz.mp4?loop=off": "cannot be read",
	} {
		u, err := url.Parse(raw)
		require.NoError(t, err)
		_, err = Parse(u)
		require.ErrorContains(t, err, want, raw)
	}
}
