package pipeline_test

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/media"
)

// stillConfig holds the settings of the stage.
type stillConfig struct {
	Every int `yaml:"every" doc:"one chunk of so many goes on"`
}

// Validate is called when the settings have been read. The error is shown with file and line.
func (c stillConfig) Validate() error {
	if c.Every < 1 {
		return config.At("every", "one of at least 1 goes on")
	}
	return nil
}

// still lets one chunk of several pass.
type still struct {
	every   int
	seen    int
	dropped atomic.Uint64 // Report is called from elsewhere
}

func (s *still) Process(_ context.Context, c *media.Chunk, emit pipeline.Emit[*media.Chunk]) error {
	if s.seen++; c.Mark == nil && s.seen%s.every != 0 {
		s.dropped.Add(uint64(c.AccessUnits()))
		c.Release() // the stage's own reference: it is released, or emitted
		return nil
	}
	return emit(c)
}

func (s *still) Flush(context.Context, pipeline.Emit[*media.Chunk]) error { return nil }

func (s *still) Report(r *pipeline.Report) {
	r.Drops = append(r.Drops, pipeline.Drop{Stage: "still", Cause: "skipped", AccessUnits: s.dropped.Load()})
}

func init() {
	pipeline.RegisterTransform("still", stillConfig{Every: 2}, "Lets one chunk of several pass.",
		func(_ pipeline.Settings, cfg stillConfig) (pipeline.Transform[*media.Chunk, *media.Chunk], error) {
			return &still{every: cfg.Every}, nil
		})
}

// A stage is a type with the methods of its role, and one call of Register in init.
func ExampleRegisterTransform() {
	for _, list := range []string{"[camera, still: {every: 4}, 'null']", "[camera, still: {every: 0}, 'null']"} {
		stages, _ := config.Parse("door.yaml", []byte(list))
		plan, problems := pipeline.Compile("door", stages)
		if problems.Err() != nil {
			fmt.Println(problems.Err())
			continue
		}
		run, _ := plan.Build(exampleEnv(media.NewPool(1<<20)), "live/door", nil)
		_ = run.Start(context.Background())
		<-run.Done()
		fmt.Println(plan, run.Err(), run.Report().Drops)
	}
	// Output:
	// camera -> still -> null <nil> [{still skipped 75 0}]
	// door.yaml:1:25: 1/still/every: one of at least 1 goes on
}
