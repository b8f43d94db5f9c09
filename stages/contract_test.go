package stages

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
	"github.com/gospool/spool/stages/hub"
)

// TestContract is for the stages of this package; cmd/spool walks the whole
// registry.
func TestContract(t *testing.T) {
	var h *hub.Hub
	env := func(t *testing.T, pool *media.Pool) pipeline.Env {
		e := pipelinetest.Env()
		tasks := pipeline.NewTasks(e.Log, e.Clock)
		h = hub.New(pool, tasks, hub.Config{Log: e.Log})
		t.Cleanup(func() {
			h.Close()
			require.NoError(t, tasks.Stop(context.Background()))
		})
		pipeline.Provide(e.Services, h)
		return e
	}
	pipelinetest.Contract(t, map[string]pipelinetest.Fixture{
		"source": {Live: func(t *testing.T, _ pipeline.Env) string {
			pipelinetest.Publish(t, func() (pipelinetest.Publisher, error) {
				return h.Publish("live/contract", hub.PublishOptions{})
			})
			return "live/contract"
		}},
	}, env)
}
