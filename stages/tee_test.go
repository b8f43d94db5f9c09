package stages_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
	_ "github.com/gospool/spool/sinks/mp4"
	_ "github.com/gospool/spool/stages"
	_ "github.com/gospool/spool/stages/ingest/file"
)

// stopped is the sink of a branch that a test stops and lets go.
type stopped struct {
	gate   chan struct{}
	failAt int64

	taken, units, marks atomic.Int64
}

func (s *stopped) Consume(ctx context.Context, c *media.Chunk) error {
	defer c.Release()
	select {
	case <-s.gate:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if s.taken.Add(1) == s.failAt {
		return errors.New("broken on purpose")
	}
	s.units.Add(int64(c.AccessUnits()))
	if c.Mark != nil {
		s.marks.Add(1)
	}
	return nil
}

func (s *stopped) Flush(context.Context) error { return nil }

// shots is a source of prepared chunks.
type shots struct{ chunks []*media.Chunk }

func (s *shots) Run(_ context.Context, emit pipeline.Emit[*media.Chunk]) error {
	for i, c := range s.chunks {
		if err := emit(c); err != nil {
			for _, left := range s.chunks[i+1:] {
				left.Release()
			}
			return err
		}
	}
	return pipeline.End("end_of_file")
}

func init() {
	pipeline.RegisterSink("stopped", struct{}{}, "", func(set pipeline.Settings, _ struct{}) (pipeline.Sink[*media.Chunk], error) {
		return pipeline.Use[*stopped](set)
	})
	pipeline.RegisterSource("shots", struct{}{}, "", func(set pipeline.Settings, _ struct{}) (pipeline.Source[*media.Chunk], error) {
		return pipeline.Use[*shots](set)
	})
}

func start(t *testing.T, pool *media.Pool, services func(*pipeline.Services), yaml string) *pipeline.Run {
	t.Helper()
	n, err := config.Parse("tee.yaml", []byte(yaml))
	require.NoError(t, err)
	plan, problems := pipeline.Compile("tee", n)
	require.NoError(t, problems.Err())
	env := pipelinetest.Env()
	pipeline.Provide(env.Services, pool)
	services(env.Services)
	run, err := plan.Build(env, "live/x", nil)
	require.NoError(t, err)
	require.NoError(t, run.Start(t.Context()))
	t.Cleanup(func() {
		run.Abort(pipeline.ErrAborted)
		<-run.Done()
	})
	return run
}

func ended(t *testing.T, run *pipeline.Run) error {
	t.Helper()
	select {
	case <-run.Done():
		return run.Err()
	case <-time.After(time.Minute):
		require.Fail(t, "the run does not end", "busy: %v", run.Busy())
		return nil
	}
}

// movie is 30 s of pictures and sound with a key frame a second.
func movie(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "movie.mp4")
	out, err := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25",
		"-f", "lavfi", "-i", "sine=sample_rate=48000", "-t", "30", "-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "25",
		"-pix_fmt", "yuv420p", "-c:a", "aac", path).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return path
}

// hashes returns the hashes of the packets of every track.
func hashes(t *testing.T, path string) string {
	t.Helper()
	out, err := exec.Command("ffmpeg", "-v", "error", "-i", path, "-map", "0", "-c", "copy", "-f", "streamhash", "-hash", "md5", "-").Output()
	require.NoError(t, err)
	return string(out)
}

// packets returns the number of packets of one kind of track.
func packets(t *testing.T, path, kind string) (n int) {
	t.Helper()
	out, err := exec.Command("ffprobe", "-v", "error", "-select_streams", kind, "-count_packets", "-show_entries", "stream=nb_read_packets", "-of", "csv=p=0", path).Output()
	require.NoError(t, err)
	_, _ = fmt.Sscan(string(out), &n)
	return n
}

// A branch that stands still for much longer than its queue holds does not delay the other branch, and its own loss is
// counted to the unit.
func TestTeeStoppedBranchDoesNotDelayTheOther(t *testing.T) {
	t.Cleanup(func() { goleak.VerifyNone(t) })
	pool := pipelinetest.Pool(t)
	in, dir := movie(t), t.TempDir()
	sink := &stopped{gate: make(chan struct{})}
	run := start(t, pool, func(s *pipeline.Services) { pipeline.Provide(s, sink) }, fmt.Sprintf(`
- file: {path: %q, speed: max}
- tee:
    branches:
      - {name: files, stages: [segmenter: {}, mp4: {record_path: %q, filename_pattern: out.mp4, sync: none}, "null": {}]}
      - {name: stopped, max_backlog: 5s, stages: [stopped: {}]}
`, in, dir))
	out := filepath.Join(dir, "out.mp4")
	require.Eventually(t, func() bool { _, err := os.Stat(out); return err == nil }, time.Minute, 5*time.Millisecond,
		"the file is finished while the other branch stands still")
	require.Zero(t, sink.taken.Load())
	require.Equal(t, hashes(t, in), hashes(t, out))
	require.Contains(t, strings.Join(run.Busy(), " "), "tee/stopped/stopped (consume)", "Busy names the stage that the run waits for")

	close(sink.gate)
	require.NoError(t, ended(t, run))
	report := run.Report()
	require.Len(t, report.Drops, 1)
	lost := report.Drops[0]
	require.Equal(t, "stopped/queue", lost.Stage)
	require.Positive(t, lost.AccessUnits)
	total := packets(t, in, "v") + packets(t, in, "a")
	require.EqualValues(t, total, sink.units.Load()+int64(lost.AccessUnits), "missing units are counted")
	require.Positive(t, sink.marks.Load(), "and the gap is marked")
}

// The branches write different files from one stream.
func TestTeeBranchesRecordTheirOwnFiles(t *testing.T) {
	t.Cleanup(func() { goleak.VerifyNone(t) })
	pool := pipelinetest.Pool(t)
	in, dir := movie(t), t.TempDir()
	writer := func(name string) string {
		return fmt.Sprintf(`segmenter: {}, mp4: {record_path: %q, filename_pattern: %s.mp4, sync: none}, "null": {}`, dir, name)
	}
	run := start(t, pool, func(*pipeline.Services) {}, fmt.Sprintf(`
- file: {path: %q, speed: max}
- tee:
    branches:
      - {name: all, stages: [%s]}
      - {name: silent, stages: [tracks: {drop: [{kind: audio}]}, %s]}
      - {name: sound, stages: [tracks: {keep: [{codec: aac}]}, %s]}
      - {name: lapse, stages: [keyframes: {speed: 10}, %s]}
`, in, writer("all"), writer("silent"), writer("sound"), writer("lapse")))
	require.NoError(t, ended(t, run))
	require.Empty(t, run.Report().Drops)
	at := func(name string) string { return filepath.Join(dir, name+".mp4") }
	video, audio := packets(t, in, "v"), packets(t, in, "a")
	require.Equal(t, 750, video)
	require.Equal(t, hashes(t, in), hashes(t, at("all")))
	require.Equal(t, [2]int{video, 0}, [2]int{packets(t, at("silent"), "v"), packets(t, at("silent"), "a")})
	require.Equal(t, [2]int{0, audio}, [2]int{packets(t, at("sound"), "v"), packets(t, at("sound"), "a")})
	require.Equal(t, [2]int{30, 0}, [2]int{packets(t, at("lapse"), "v"), packets(t, at("lapse"), "a")})
	require.Equal(t, "3.000000", duration(t, at("lapse")))
	for _, name := range []string{"all", "silent", "sound", "lapse"} {
		text, err := exec.Command("ffmpeg", "-v", "error", "-xerror", "-i", at(name), "-f", "null", "-").CombinedOutput()
		require.NoError(t, err, "%s: %s", name, text)
		require.Empty(t, string(text), name)
	}
}

func duration(t *testing.T, path string) string {
	t.Helper()
	out, err := exec.Command("ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", path).Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(out))
}

// A branch that fails is run again; the other branch goes on undisturbed.
func TestTeeFailedBranchIsRunAgain(t *testing.T) {
	t.Cleanup(func() { goleak.VerifyNone(t) })
	pool := pipelinetest.Pool(t)
	cam := pipelinetest.NewCamera(t, pool)
	sink := &stopped{gate: make(chan struct{}), failAt: 2}
	close(sink.gate)
	all := &shots{append(cam.Shoot(t, 250), cam.Cut()...)}
	run := start(t, pool, func(s *pipeline.Services) { pipeline.Provide(s, sink); pipeline.Provide(s, all) }, `
- shots: {}
- tee: {branches: [{name: a, stages: ["null": {}]}, {name: b, stages: [stopped: {}]}]}
`)
	require.NoError(t, ended(t, run), "the last attempt drained")
	require.Greater(t, sink.taken.Load(), int64(2))
	require.Contains(t, run.Report().LastError, "b: pipeline tee on live/x: stage stopped: consume: broken on purpose")
}

func TestTeeBranchThatNeverWorksIsAnErrorInTheEnd(t *testing.T) {
	t.Cleanup(func() { goleak.VerifyNone(t) })
	pool := pipelinetest.Pool(t)
	cam := pipelinetest.NewCamera(t, pool)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "bad"), nil, 0o600)) // no directory can be here
	all := &shots{append(cam.Shoot(t, 100), cam.Cut()...)}
	run := start(t, pool, func(s *pipeline.Services) { pipeline.Provide(s, all) }, fmt.Sprintf(`
- shots: {}
- tee:
    branches:
      - {name: good, stages: [segmenter: {}, mp4: {record_path: %q, filename_pattern: out.mp4, sync: none}, "null": {}]}
      - {name: bad, stages: [segmenter: {}, mp4: {record_path: %q}, "null": {}]}
`, dir, filepath.Join(dir, "bad")))
	require.ErrorContains(t, ended(t, run), "stage mp4: open: record_path")
	require.FileExists(t, filepath.Join(dir, "out.mp4"))
	require.Equal(t, 100, packets(t, filepath.Join(dir, "out.mp4"), "v"))
}

func TestTeeRefusesInvalidSettings(t *testing.T) {
	for text, want := range map[string]string{
		"- shots\n- tee: {}": "t.yaml:2:8: 1/tee/branches: is empty",
		"- shots\n- tee: {branches: [{stages: ['null']}]}":                                          "branches/0/name: is missing",
		"- shots\n- tee: {branches: [{name: a, stages: ['null']}, {name: a, stages: ['null']}]}":    "another branch has the name a, too",
		"- shots\n- tee: {branches: [{name: a}]}":                                                   "a branch needs a list of stages",
		"- shots\n- tee: {branches: [{name: a, max_bytes: 5, stages: ['null']}]}":                   "at least 1MiB",
		"- shots\n- tee:\n    branches:\n      - name: a\n        stages:\n        - segmnter\n":    "t.yaml:6:11: 1/tee/branches/0/stages/0: there is no stage \"segmnter\" (did you mean segmenter?)",
		"- shots\n- tee: {branches: [{name: a, stages: [segmenter, mp4, 'null', stopped]}]}":        "null is a sink, but stages follow it",
		"- shots\n- tee: {branches: [{name: a, stages: [{tee: {branches: [{name: b}]}}]}]}":         "a branch needs a list of stages",
		"- shots\n- tee: {branches: [{name: a, stages: [{segmenter: {max_duratoin: 3}}, 'null']}]}": "did you mean",
	} {
		n, err := config.Parse("t.yaml", []byte(text))
		require.NoError(t, err)
		_, problems := pipeline.Compile("tee", n)
		require.ErrorContains(t, problems.Err(), want, text)
	}
}
