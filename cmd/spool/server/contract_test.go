package server

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
	"github.com/gospool/spool/sinks/metadata"
	"github.com/gospool/spool/stages"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/webhook"
)

// TestEveryStageKeepsTheContract tests every stage of the registry that the program links, so
// that none is forgotten.
func TestEveryStageKeepsTheContract(t *testing.T) {
	var h *hub.Hub
	env := func(t *testing.T, pool *media.Pool) pipeline.Env {
		e := pipelinetest.Env()
		tasks := pipeline.NewTasks(e.Log, e.Clock)
		h = hub.New(pool, tasks, hub.Config{Log: e.Log})
		dir := t.TempDir()
		catalogue, err := metadata.Open(context.Background(), metadata.OpenOptions{
			Driver: "sqlite", DSN: filepath.Join(dir, "spool.db"), JournalDir: filepath.Join(dir, "journal"),
			Node: "test", Log: e.Log, Clock: e.Clock, Tasks: tasks,
		})
		require.NoError(t, err)
		t.Cleanup(func() {
			h.Close()
			require.NoError(t, catalogue.Close(context.Background()))
			require.NoError(t, tasks.Stop(context.Background()))
		})
		pipeline.Provide(e.Services, h)
		pipeline.Provide(e.Services, catalogue)
		pipeline.Provide(e.Services, stages.NewCommands(tasks, e.Clock, &keptCommands{dir: filepath.Join(t.TempDir(), commandsDir), log: e.Log}))
		outbox, err := webhook.Open(webhook.Options{Dir: filepath.Join(dir, "outbox"), Tasks: tasks, Clock: e.Clock, Log: e.Log})
		require.NoError(t, err)
		pipeline.Provide(e.Services, outbox)
		return e
	}
	pipelinetest.Contract(t, map[string]pipelinetest.Fixture{
		"source": {Live: func(t *testing.T, _ pipeline.Env) string {
			pipelinetest.Publish(t, func() (pipelinetest.Publisher, error) {
				return h.Publish("live/contract", hub.PublishOptions{})
			})
			return "live/contract"
		}},
		"file": {
			Settings: func(t *testing.T) string {
				return fmt.Sprintf("path: %q, loop: true", shortMovie(t))
			},
			Live: func(*testing.T, pipeline.Env) string { return "live/contract" },
		},
		"tee": {Settings: func(t *testing.T) string {
			return fmt.Sprintf("branches: [{name: a, stages: [segmenter: {}, mp4: {record_path: %q, sync: none}, metadata: {}]}, "+
				"{name: b, stages: [\"null\": {}]}]", t.TempDir())
		}},
		"tracks":  {Settings: func(*testing.T) string { return "drop: [{kind: audio}]" }},
		"exec":    {Settings: func(*testing.T) string { return `command: ["true", "{path}"]` }},
		"webhook": {Settings: func(*testing.T) string { return "url: 'http://127.0.0.1:1/nobody'" }},
		"mpegts":  {Settings: func(t *testing.T) string { return fmt.Sprintf("path: %q", filepath.Join(t.TempDir(), "a.ts")) }},
		"mp4": {Settings: func(t *testing.T) string {
			return fmt.Sprintf("record_path: %q, sync: none", t.TempDir())
		}},
	}, env)
}

// shortMovie returns an MP4 file of video and audio that ffmpeg makes.
func shortMovie(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "movie.mp4")
	out, err := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25",
		"-f", "lavfi", "-i", "sine=sample_rate=48000", "-t", "3", "-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "25",
		"-pix_fmt", "yuv420p", "-c:a", "aac", path).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return path
}
