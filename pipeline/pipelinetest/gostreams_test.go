package pipelinetest_test

import (
	"testing"
	"time"

	"github.com/reugn/go-streams"
	"github.com/reugn/go-streams/extension"
	"github.com/reugn/go-streams/flow"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
)

// These stages are operators of go-streams that emit every element that they get.
func init() {
	flowStage[*media.Chunk]("map", func() streams.Flow { return flow.NewMap(same[*media.Chunk], 1) })
	flowStage[*media.Chunk]("pass_through", func() streams.Flow { return flow.NewPassThrough() })
	flowStage[*media.Chunk]("throttler", func() streams.Flow {
		return flow.NewThrottler(1000, time.Millisecond, 5, flow.Backpressure)
	})
	flowStage[*media.Chunk]("batches", func() streams.Flow {
		return pipeline.Chain(flow.NewBatch[*media.Chunk](2, time.Millisecond), flow.Flatten[*media.Chunk](1))
	})
	flowStage[media.Part]("parts", func() streams.Flow { return flow.NewMap(same[media.Part], 1) })
	flowStage[media.Recording]("recordings", func() streams.Flow {
		return flow.NewFilter(func(media.Recording) bool { return true }, 1)
	})
	sinkStage[*media.Chunk]("ignore_chunks")
	sinkStage[media.Part]("ignore_parts")
	sinkStage[media.Recording]("ignore_recordings")
}

func same[T any](el T) T { return el }

func flowStage[T any](name string, create func() streams.Flow) {
	pipeline.RegisterTransform(name, struct{}{}, "", func(set pipeline.Settings, _ struct{}) (pipeline.Transform[T, T], error) {
		return pipeline.FromFlow[T, T](set, func(*pipeline.Graph) (streams.Flow, error) { return create(), nil }), nil
	})
}

func sinkStage[T any](name string) {
	pipeline.RegisterSink(name, struct{}{}, "", func(set pipeline.Settings, _ struct{}) (pipeline.Sink[T], error) {
		return pipeline.FromSink[T](set, func(*pipeline.Graph) (streams.Sink, error) { return extension.NewIgnoreSink(), nil }), nil
	})
}

func TestOperatorsOfGoStreamsKeepTheContract(t *testing.T) {
	pipelinetest.Contract(t, nil, func(*testing.T, *media.Pool) pipeline.Env { return pipelinetest.Env() })
}
