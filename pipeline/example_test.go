package pipeline_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/reugn/go-streams"
	"github.com/reugn/go-streams/extension"
	"github.com/reugn/go-streams/flow"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/media"
	_ "github.com/gospool/spool/sinks/mp4"
	_ "github.com/gospool/spool/stages"
)

// A pipeline is a list of stages, each a name with its settings. Compile checks the whole list without I/O: an error
// names the fault, its place, and the probable intention.
func ExampleCompile() {
	stages, err := config.Parse("door.yaml", []byte("[camera, segmenter: {max_duration: 2s}, mp4: {record_path: /srv/door}, 'null']"))
	if err != nil {
		fmt.Println(err)
		return
	}
	plan, problems := pipeline.Compile("door", stages)
	fmt.Println(plan, problems.Err())

	stages, _ = config.Parse("door.yaml", []byte("[camera, segmenter: {max_durration: 2s}, mp4, 'null']"))
	_, problems = pipeline.Compile("door", stages)
	fmt.Println(problems.Err())
	// Output:
	// camera -> segmenter -> mp4 -> null <nil>
	// door.yaml:1:22: 1/segmenter/max_durration: unknown key "max_durration", did you mean "max_duration"? (known here: max_duration, max_size, align, timezone)
}

// Each run of a plan is for one stream. A run ends by itself where its source has an end;
// Stop ends it in good order, and Abort at once.
func ExamplePlan_Build() {
	dir, remove := exampleDir()
	defer remove()
	stages := config.FromAny([]any{
		map[string]any{"camera": map[string]any{"length": "4s"}},
		map[string]any{"segmenter": map[string]any{"max_duration": "2s"}},
		map[string]any{"mp4": map[string]any{"record_path": dir, "filename_pattern": "{stream}_{seq}.mp4"}},
		"null",
	}, "door", nil)
	plan, problems := pipeline.Compile("door", stages)
	if problems.Err() != nil {
		fmt.Println(problems.Err())
		return
	}
	pool := media.NewPool(64 << 20)
	run, err := plan.Build(exampleEnv(pool), "live/door", nil)
	if err == nil {
		err = run.Start(context.Background())
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	select {
	case <-run.Done():
	case <-time.After(time.Minute):
		err = run.Stop("stop", 10*time.Second)
	}
	report := run.Report()
	fmt.Println(run.Reason(), run.Err(), err)
	fmt.Println(report.Segments, "files,", report.AccessUnits, "access units, the last file is", report.File)
	fmt.Println(pool.Outstanding(), "chunks are left")
	// Output:
	// end_of_file <nil> <nil>
	// 2 files, 100 access units, the last file is live_door_2.mp4
	// 0 chunks are left
}

// A list of stages without a sink is a go-streams source: the program gets the output of its last stage. Here a graph
// lists the finished recordings.
func ExampleHead_AsSource() {
	dir, remove := exampleDir()
	defer remove()
	stages := config.FromAny([]any{
		map[string]any{"camera": map[string]any{"length": "4s"}},
		map[string]any{"segmenter": map[string]any{"max_duration": "2s"}},
		map[string]any{"mp4": map[string]any{"record_path": dir, "filename_pattern": "{stream}_{seq}.mp4"}},
	}, "door", nil)
	head, problems := pipeline.CompileHead[media.Recording]("door", stages)
	if problems.Err() != nil {
		fmt.Println(problems.Err())
		return
	}
	source, err := head.AsSource(context.Background(), exampleEnv(media.NewPool(64<<20)), "live/door")
	if err != nil {
		fmt.Println(err)
		return
	}
	source.
		Via(flow.NewFilter(func(r media.Recording) bool { return r.State == media.StateFinished }, 1)).
		Via(flow.NewMap(func(r media.Recording) string {
			return fmt.Sprintf("%s lasts %v and ended by %s", r.Path, time.Duration(r.DurationNS), r.EndReason)
		}, 1)).
		To(extension.NewStdoutSink())
	fmt.Println(source.Err())
	// Output:
	// live_door_1.mp4 lasts 2s and ended by max_duration
	// live_door_2.mp4 lasts 2s and ended by end_of_file
	// <nil>
}

// Three stages of go-streams operators: every other second is left out, and the names of the
// finished recordings are written into a file.
func ExampleFromFlow() {
	pipeline.RegisterTransform("without_odd", struct{}{}, "Leaves out the chunks of odd seconds.",
		func(set pipeline.Settings, _ struct{}) (pipeline.Transform[*media.Chunk, *media.Chunk], error) {
			return pipeline.FromFlow[*media.Chunk, *media.Chunk](set, func(*pipeline.Graph) (streams.Flow, error) {
				return flow.NewFilter(func(c *media.Chunk) bool { return time.Unix(0, c.UTC).Second()%2 == 0 }, 1), nil
			}), nil
		})
	type listConfig struct {
		File string `yaml:"file" reaches:"file" doc:"file that gets a line for each recording"`
	}
	pipeline.RegisterSink("list", listConfig{}, "Writes the names of finished recordings into a file.",
		func(set pipeline.Settings, cfg listConfig) (pipeline.Sink[string], error) {
			return pipeline.FromSink[string](set, func(g *pipeline.Graph) (streams.Sink, error) {
				return extension.NewFileSink(cfg.File, extension.WithContextCancel(func() { g.Fail(fmt.Errorf("%s cannot be written", cfg.File)) })), nil
			}), nil
		})
	pipeline.RegisterTransform("name", struct{}{}, "Makes a line of each finished recording.",
		func(set pipeline.Settings, _ struct{}) (pipeline.Transform[media.Recording, string], error) {
			return pipeline.FromFlow[media.Recording, string](set, func(g *pipeline.Graph) (streams.Flow, error) {
				finished := flow.NewFilter(func(r media.Recording) bool { return r.State == media.StateFinished }, 1)
				line := flow.NewMap(pipeline.Checked(g, func(r media.Recording) (string, error) { return fmt.Sprintln(r.Path), nil }), 1)
				return pipeline.Chain(finished, line), nil
			}), nil
		})

	dir, remove := exampleDir()
	defer remove()
	list := filepath.Join(dir, "list")
	stages, _ := config.Parse("door.yaml", fmt.Appendf(nil,
		"[camera: {length: 4s}, without_odd, segmenter, mp4: {record_path: %q, filename_pattern: '{seq}.mp4'}, name, list: {file: %q}]", dir, list))
	plan, problems := pipeline.Compile("door", stages)
	if problems.Err() != nil {
		fmt.Println(problems.Err())
		return
	}
	pool := media.NewPool(64 << 20)
	run, err := plan.Build(exampleEnv(pool), "live/door", nil)
	if err == nil {
		err = run.Start(context.Background())
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	<-run.Done()
	fmt.Println(run.Err(), run.Report().Drops, pool.Outstanding())
	text, _ := os.ReadFile(list)
	fmt.Print(string(text))
	// Output:
	// <nil> [{without_odd left_out_by_flow 50 300}] 0
	// 1.mp4
	// 2.mp4
}
