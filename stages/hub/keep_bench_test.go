package hub_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
	"github.com/gospool/spool/pipeline/recorder"
	"github.com/gospool/spool/pipeline/streampath"
	"github.com/gospool/spool/stages/hub"
)

// idle is a recording without input, so that the benchmark measures the recorder and no stage.
type idle struct{}

func (idle) Run(ctx context.Context, _ pipeline.Emit[*media.Chunk]) error {
	<-ctx.Done()
	return context.Cause(ctx)
}
func (idle) Consume(context.Context, *media.Chunk) error { return nil }
func (idle) Flush(context.Context) error                 { return nil }

func init() {
	pipeline.RegisterSource("idle_source", struct{}{}, "", func(pipeline.Settings, struct{}) (pipeline.Source[*media.Chunk], error) {
		return idle{}, nil
	})
	pipeline.RegisterSink("idle_sink", struct{}{}, "", func(pipeline.Settings, struct{}) (pipeline.Sink[*media.Chunk], error) {
		return idle{}, nil
	})
}

const benchStreams = 500

// recorded returns a hub of many live streams, all recorded by three pipelines with a pattern each and without a
// backlog in memory.
func recorded(b *testing.B) []*hub.Publisher {
	b.Helper()
	log := slog.New(slog.DiscardHandler)
	tasks := pipeline.NewTasks(log, pipeline.SystemClock)
	h := hub.New(media.NewPool(64<<20), tasks, hub.Config{Log: log})
	stages, err := config.Parse("bench.yaml", []byte("[idle_source, idle_sink]"))
	require.NoError(b, err)
	var declared []recorder.Declared
	for n, pattern := range []string{"**", "live/**", "live/site*/camera???"} {
		plan, problems := pipeline.Compile(fmt.Sprint("p", n), stages)
		require.NoError(b, problems.Err())
		glob, err := streampath.ParseGlob(pattern)
		require.NoError(b, err)
		declared = append(declared, recorder.Declared{Plan: plan, Mode: pipeline.ModeAlways, Streams: []streampath.Glob{glob}})
	}
	r := recorder.New(pipeline.Env{Log: log, Clock: pipeline.SystemClock}, tasks, h, declared, time.Minute)
	h.Watch(r.PublisherCame)
	h.KeepGOPs(r)
	b.Cleanup(func() {
		require.NoError(b, r.Shutdown(context.Background()))
		h.Close()
		require.NoError(b, tasks.Stop(context.Background()))
	})
	publishers := make([]*hub.Publisher, benchStreams)
	for n := range publishers {
		path := fmt.Sprintf("live/site%d/camera%03d", n%7, n)
		publishers[n], err = h.Publish(path, hub.PublishOptions{Origin: "bench"})
		require.NoError(b, err)
		require.NoError(b, publishers[n].SetTracks([]media.Track{pipelinetest.AVC(640, 360)}))
	}
	require.Len(b, r.Jobs(), 3*benchStreams)
	return publishers
}

// BenchmarkChunkOfARecordedStream measures a chunk from its last access unit to its way into the hub, with as many
// streams as one machine records.
func BenchmarkChunkOfARecordedStream(b *testing.B) {
	publishers := recorded(b)
	frames := make([]int, benchStreams)
	payload := [][]byte{{0x65, 0, 1}}
	chunk := func(b *testing.B, stream int) { // one access unit a second: each closes the chunk before it
		n := frames[stream]
		frames[stream]++
		at := int64(n) * int64(time.Second)
		au := media.AU{DTS: int64(n) * 90000, PTS: int64(n) * 90000, UTC: pipelinetest.StartUTC + at, MonoNS: at, Sync: true, Payload: payload}
		if err := publishers[stream].Write(0, &au); err != nil {
			b.Error(err)
		}
	}
	b.Run("one after another", func(b *testing.B) {
		b.ReportAllocs()
		for n := 0; b.Loop(); n++ {
			chunk(b, n%benchStreams)
		}
	})
	b.Run("at once", func(b *testing.B) {
		b.ReportAllocs()
		var next atomic.Int64
		b.RunParallel(func(pb *testing.PB) {
			stream := int(next.Add(1) - 1)
			for pb.Next() {
				chunk(b, stream)
			}
		})
	})
}
