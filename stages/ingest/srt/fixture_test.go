package srt

import (
	"context"
	"log/slog"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	gosrt "github.com/datarhei/gosrt"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest"
)

// patience bounds events that must happen at all; it measures no speed.
const patience = 2 * time.Minute

const path = "live/a"

// fixture is a server with a hub.
type fixture struct {
	t      *testing.T
	hub    *hub.Hub
	tasks  *pipeline.Tasks
	book   *pipelinetest.Log
	server *Server
	stop   func() // of the server
}

func newFixture(t *testing.T, change ...func(*Settings, *ingest.ServerDeps)) *fixture {
	t.Helper()
	f := &fixture{t: t, book: &pipelinetest.Log{}}
	log := slog.New(slog.NewTextHandler(f.book, &slog.HandlerOptions{Level: slog.LevelDebug}))
	f.tasks = pipeline.NewTasks(log, pipeline.SystemClock)
	f.hub = hub.New(pipelinetest.Pool(t), f.tasks, hub.Config{Log: log, Linger: time.Millisecond})
	s := Settings{ServerSettings: ingest.DefaultServerSettings("127.0.0.1:0"), Latency: config.Duration(200 * time.Millisecond), AnnounceTimeout: config.Duration(patience)}
	s.ReadTimeout = config.Duration(patience)
	d := ingest.ServerDeps{Hub: f.hub, Tasks: f.tasks, Clock: pipeline.SystemClock, Log: log}
	for _, c := range change {
		c(&s, &d)
	}
	require.Empty(t, s.Check())
	var err error
	f.server, err = New(s, d)
	require.NoError(t, err)
	f.stop = f.tasks.Go("srt", f.server.Run)
	<-f.server.Ready()
	t.Cleanup(func() {
		f.hub.Close()
		require.NoError(t, f.tasks.Stop(context.Background()))
		require.Empty(t, f.server.Connections())
		if t.Failed() {
			t.Log(f.book.String())
		}
	})
	return f
}

func (f *fixture) address() string { return f.server.Addr().String() }

func (f *fixture) info() media.StreamInfo {
	info, _ := f.hub.Info(path)
	return info
}

// logged waits for a text in the log.
func (f *fixture) logged(text string) {
	f.t.Helper()
	require.Eventually(f.t, func() bool { return strings.Contains(f.book.String(), text) }, patience, time.Millisecond, text)
}

// subscribe keeps the stream, and so its counters, for the test.
func (f *fixture) subscribe() {
	f.t.Helper()
	sub, err := f.hub.Subscribe(path)
	require.NoError(f.t, err)
	f.t.Cleanup(sub.Close)
}

// units returns the number of access units in a file.
func units(t *testing.T, file string) uint64 {
	t.Helper()
	out, err := exec.Command("ffprobe", "-v", "error", "-count_packets", "-show_entries", "stream=nb_read_packets", "-of", "csv=p=0", file).Output()
	require.NoError(t, err)
	sum := uint64(0)
	seen := map[string]bool{} // ffprobe lists the streams of a program twice
	for _, line := range strings.Fields(string(out)) {
		if n, err := strconv.ParseUint(strings.Trim(line, ","), 10, 64); err == nil && !seen[line] {
			seen[line] = true
			sum += n
		}
	}
	return sum
}

// clip makes a file of MPEG-TS with 75 pictures and sound.
func clip(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "a.ts")
	out, err := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25", "-f", "lavfi", "-i", "sine", "-t", "3", "-pix_fmt", "yuv420p",
		"-c:v", "libx264", "-g", "25", "-c:a", "aac", "-f", "mpegts", file).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return file
}

// publish publishes a file with ffmpeg. options follow the address in the URL.
func publish(t *testing.T, file, address, options string) (output string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, "ffmpeg", "-v", "info", "-nostdin", "-re", "-i", file, "-map", "0", "-c", "copy", "-f", "mpegts", "srt://"+address+"?"+options).CombinedOutput()
	return string(out), err
}

// dial connects with gosrt.
func dial(f *fixture, streamID string, change func(*gosrt.Config)) (gosrt.Conn, error) {
	cfg := gosrt.DefaultConfig()
	cfg.StreamId = streamID
	if change != nil {
		change(&cfg)
	}
	return gosrt.Dial("srt", f.address(), cfg)
}
