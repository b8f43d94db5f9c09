package server

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/pipelinetest"
)

// fixture is a whole recorder in this process, with a clock that the test sets.
type fixture struct {
	*Server
	t     *testing.T
	clock *pipelinetest.Clock
	dir   string // the record directory
	file  string // the configuration file
	said  *pipelinetest.Log
	once  sync.Once
}

// start starts a recorder as spool serve does. Its clock is ahead by a duration, and the kernel
// reports it as synchronised or not. ingest is the configuration of the servers, by default one
// of RTSP.
func start(t *testing.T, dir, config string, by time.Duration, synchronised bool, ingest ...string) *fixture {
	t.Helper()
	if len(ingest) == 0 {
		ingest = []string{"rtsp: {listen: '127.0.0.1:0'}"}
	}
	r := &fixture{t: t, clock: &pipelinetest.Clock{}, dir: dir, said: &pipelinetest.Log{}}
	r.clock.Set(by)
	r.file = filepath.Join(t.TempDir(), "config.yaml")
	if !strings.Contains(config, "\nhttp: ") {
		config = "http: {listen: '127.0.0.1:0'}\n" + config
	}
	ingest = append(ingest, "srt: {listen: ''}", "webrtc: {listen: ''}")
	require.NoError(t, os.WriteFile(r.file, []byte("ingest: {"+strings.Join(ingest, ", ")+"}\nflush_interval: 0.2\n"+config), 0o600))
	load := func() (*configs.Config, error) {
		return configs.Load(configs.Options{File: r.file, Check: Problems, Flags: []configs.Flag{{Name: "--record-path", Key: []string{"mp4", "record_path"}, Value: dir}}})
	}
	cfg, err := load()
	require.NoError(t, err)
	declared, err := Declare(cfg)
	require.NoError(t, err)
	r.Server, err = New(declared, Options{
		Load: load, Log: slog.New(slog.NewTextHandler(r.said, nil)), Clock: r.clock, Synchronised: func() bool { return synchronised }, Version: "test",
	})
	require.NoError(t, err)
	t.Cleanup(r.stop)
	require.NoError(t, r.open(context.Background()))
	r.begin()
	return r
}

func (r *fixture) stop() {
	r.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		require.NoError(r.t, r.close(ctx, nil))
		require.Empty(r.t, r.services.Missing(), "stages ask for them, and the server does not provide them")
	})
}

// files returns the finished recordings on the disk, sorted by name.
func (r *fixture) files() (names []string) {
	r.t.Helper()
	all, err := filepath.Glob(filepath.Join(r.dir, "*", "*.mp4"))
	require.NoError(r.t, err)
	slices.Sort(all)
	return all
}

func (r *fixture) eventually(what string, ok func() bool) {
	r.t.Helper()
	require.Eventually(r.t, ok, time.Minute, 10*time.Millisecond, "%s\n%s", what, r.said)
}

// ask sends a request to the API.
func (r *fixture) ask(method, path string, answer any) int {
	r.t.Helper()
	return r.request(r.t, method, path, answer)
}

// request is ask for a test that repeats the request until the answer fits, or ignores the
// answer.
func (r *fixture) request(t require.TestingT, method, path string, answer any) int {
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.apiURL()+path, nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	if answer != nil {
		require.NoError(t, json.NewDecoder(resp.Body).Decode(answer))
	}
	return resp.StatusCode
}

// wrong returns the names of the problems that the API reports.
func (r *fixture) wrong() (names []string) {
	r.t.Helper()
	var health struct{ Problems []pipeline.Problem }
	r.ask("GET", "/mp4/health", &health)
	for _, p := range health.Problems {
		names = append(names, p.Problem)
	}
	return names
}

const oneStream = `
mp4: {max_duration: 1s, expire_days: 7, filename_pattern: "{stream}/{timestamp}_{ms}.mp4"}
streams: {a: {pull: "testpattern://?size=160x120&fps=25&gop=25"}}
pipelines: {default: {record: always, stages: [source: {}, gop_ring: {}, segmenter: {}, mp4: {}, metadata: {}]}}
`

// fill records some files with a correct clock.
func fill(t *testing.T, dir, config string, files int) []string {
	t.Helper()
	r := start(t, dir, config, 0, false)
	r.eventually("files", func() bool { return len(r.files()) >= files })
	r.stop()
	return r.files()
}

// A recorder drains because another recorder uses its name. A first signal that arrives
// meanwhile does not abort.
func TestTheFirstSignalDuringADrainDoesNotAbort(t *testing.T) {
	r := start(t, t.TempDir(), "", 0, true)
	signals := make(chan os.Signal, 3)
	signals <- syscall.SIGTERM
	signals <- syscall.SIGTERM // a repetition of the first signal
	signals <- syscall.SIGINT
	second := r.secondSignal(signals, nil, r.clock.Now())
	require.Equal(t, syscall.SIGINT, <-second)
}
