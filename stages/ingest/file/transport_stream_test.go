package file

import (
	"context"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
	"github.com/gospool/spool/stages/hub"
)

// A transport stream is published as an MP4 file is. With loop its times go on, without a gap.
func TestATransportStreamIsPulled(t *testing.T) {
	name := t.TempDir() + "/a.ts"
	data, err := os.ReadFile("../mpegts/testdata/h264_aac.ts")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(name, data, 0o600))
	for options, rounds := range map[string]int{"?speed=max": 1, "?speed=realtime": 1, "?speed=max&loop=true": 8} {
		t.Run(options, func(t *testing.T) {
			tasks := pipeline.NewTasks(slog.New(slog.DiscardHandler), pipeline.SystemClock)
			h := hub.New(pipelinetest.Pool(t), tasks, hub.Config{Log: slog.New(slog.DiscardHandler), Linger: time.Millisecond})
			defer func() { h.Close(); require.NoError(t, tasks.Stop(context.Background())) }()
			require.NoError(t, h.Configure("live/a", hub.StreamConfig{Pull: "file:" + name + options}))
			sub, err := h.Subscribe("live/a")
			require.NoError(t, err)
			defer sub.Close()
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			var dts []int64
			for len(dts) < rounds*4 {
				c, err := sub.Take(ctx)
				require.NoError(t, err)
				require.True(t, c.Gap.None(), "%v", c.Gap)
				require.Empty(t, c.Gaps)
				for i := range c.Tracks {
					if c.Set.Tracks[i].Kind() == media.Video {
						dts = append(dts, c.Tracks[i].DTS...)
					}
				}
				c.Release()
			}
			for i := 1; i < len(dts); i++ {
				step := dts[i] - dts[i-1]
				require.Positive(t, step, "unit %d", i)
				require.Less(t, step, int64(90000/4), "unit %d", i) // the track that ends last delays the others
			}
		})
	}
}

// The stage reads a transport stream as it reads an MP4 file, and begins it again with loop. Report counts what is missing.
func TestTheStageReadsATransportStream(t *testing.T) {
	data, err := os.ReadFile("../mpegts/testdata/h264_aac.ts")
	require.NoError(t, err)
	name := t.TempDir() + "/a.mp4" // the content decides
	require.NoError(t, os.WriteFile(name, append(data[:20*188:20*188], data[21*188:]...), 0o600))
	facts, err := Look(name)
	require.NoError(t, err)
	require.Equal(t, Facts{MediaBytes: int64(len(data) - 188)}, facts)
	for _, loop := range []bool{false, true} {
		s := newStage(t, Config{Path: name, Speed: speedMax, Loop: loop})
		ctx, cancel := context.WithCancel(t.Context())
		var dts []int64
		err = s.Run(ctx, func(c *media.Chunk) error {
			defer c.Release()
			require.True(t, c.Gap.None())
			if dts = append(dts, c.Lead().DTS...); len(dts) > 100 {
				cancel()
			}
			return nil
		})
		require.Equal(t, loop, err == nil, "%v", err)
		require.Equal(t, loop, len(dts) > 100)
		require.NotEmpty(t, dts)
		for i := 1; i < len(dts); i++ {
			require.Greater(t, dts[i], dts[i-1], "unit %d", i)
		}
		var r pipeline.Report
		s.Report(&r)
		require.NotEmpty(t, r.Drops)
		require.Equal(t, media.DropTSLoss, r.Drops[0].Cause)
		cancel()
	}
}
