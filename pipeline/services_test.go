package pipeline_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
)

// ink is a required service of a stage; pen and paper are optional ones.
type (
	ink   struct{ colour string }
	pen   interface{ Write() string }
	paper struct{ size string }
)

type quill struct{}

func (*quill) Write() string { return "quill" }

type writer struct {
	ink   ink
	pen   pen
	paper *paper
}

func (w *writer) Consume(context.Context, *token) error { return nil }
func (w *writer) Flush(context.Context) error           { return nil }

var written *writer // by the newest build

func init() {
	pipeline.RegisterSink("writer", struct{}{}, "", func(set pipeline.Settings, _ struct{}) (pipeline.Sink[*token], error) {
		needed, err := pipeline.Use[ink](set)
		if err != nil {
			return nil, err
		}
		written = &writer{needed, pipeline.Optional[pen](set, nil), pipeline.Optional(set, &paper{"A4"})}
		return written, nil
	})
}

func TestAServiceThatIsNeededIsMissedWhenThePipelineIsBuilt(t *testing.T) {
	_, err := compile(t, "[numbers, writer]").Build(env(&probe{}), "live/x", nil)
	var stage *pipeline.StageError
	require.ErrorAs(t, err, &stage)
	require.Equal(t, "writer", stage.Stage)
	require.Equal(t, "build", stage.Op)
	require.ErrorContains(t, err, "pipeline_test.ink")
	_, err = pipeline.Use[ink](pipeline.NewSettings(pipeline.Env{Log: slog.New(slog.DiscardHandler)}, "p", "live/x", "writer"))
	require.ErrorContains(t, err, "pipeline_test.ink", "a program without services")
}

func TestAnOptionalServiceThatIsMissingIsListed(t *testing.T) {
	plan, e := compile(t, "[numbers, writer]"), env(&probe{})
	pipeline.Provide(e.Services, ink{"blue"})
	pipeline.Provide(e.Services, &quill{}) // under its own type, which no stage requests
	_, err := plan.Build(e, "live/x", nil)
	require.NoError(t, err)
	require.Equal(t, &writer{ink: ink{"blue"}, paper: &paper{"A4"}}, written)
	require.Equal(t, []string{"*pipeline_test.paper", "pipeline_test.pen"}, e.Services.Missing())

	e = env(&probe{})
	pipeline.Provide(e.Services, ink{"red"})
	pipeline.Provide[pen](e.Services, &quill{})
	pipeline.Provide(e.Services, &paper{"A5"})
	_, err = plan.Build(e, "live/x", nil)
	require.NoError(t, err)
	require.Equal(t, &writer{ink{"red"}, &quill{}, &paper{"A5"}}, written)
	require.Empty(t, e.Services.Missing())
	set := pipeline.NewSettings(pipeline.Env{Log: slog.New(slog.DiscardHandler)}, "p", "live/x", "writer")
	require.Equal(t, 7, pipeline.Optional(set, 7), "a program without services")
}
