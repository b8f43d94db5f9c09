package exec

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
	"github.com/gospool/spool/stages/hub"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds events that must happen at all; it measures no speed.
const patience = 2 * time.Minute

const path = "live/a"

// fixture is a hub that pulls a stream by a command.
type fixture struct {
	t     *testing.T
	tasks *pipeline.Tasks
	hub   *hub.Hub
	book  *pipelinetest.Log
	sub   *hub.Subscription
}

func pull(t *testing.T, command string) *fixture {
	t.Helper()
	return newPull(t, command, func(*hub.StreamConfig) {})
}

func newPull(t *testing.T, command string, change func(*hub.StreamConfig)) *fixture {
	t.Helper()
	f := &fixture{t: t, book: &pipelinetest.Log{}}
	log := slog.New(slog.NewTextHandler(f.book, &slog.HandlerOptions{Level: slog.LevelDebug}))
	tasks := pipeline.NewTasks(log, pipeline.SystemClock)
	f.tasks = tasks
	f.hub = hub.New(pipelinetest.Pool(t), tasks, hub.Config{Log: log, Linger: time.Millisecond})
	cfg := hub.StreamConfig{Pull: command}
	change(&cfg)
	require.NoError(t, f.hub.Configure(path, cfg))
	var err error
	f.sub, err = f.hub.Subscribe(path)
	require.NoError(t, err)
	t.Cleanup(func() {
		f.sub.Close()
		f.hub.Close()
		require.NoError(t, tasks.Stop(context.Background()))
		if t.Failed() {
			t.Log(f.book.String())
		}
	})
	return f
}

func (f *fixture) info() media.StreamInfo {
	info, _ := f.hub.Info(path)
	return info
}

// fails waits for an error of the pull with a text.
func (f *fixture) fails(text string) {
	f.t.Helper()
	require.Eventually(f.t, func() bool { return f.info().LastError != "" }, patience, time.Millisecond)
	require.Contains(f.t, f.info().LastError, text)
}

// clip makes a file with ffmpeg.
func clip(t *testing.T, name string, args ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	in := []string{"-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25", "-t", "3", "-pix_fmt", "yuv420p"}
	out, err := exec.Command("ffmpeg", append(append(in, args...), file)...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return file
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(file, []byte(text), 0o700))
	return file
}
