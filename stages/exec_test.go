package stages

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
)

func newTestCommands(t *testing.T) (*Commands, *pipeline.Tasks) {
	t.Helper()
	t.Cleanup(func() { goleak.VerifyNone(t) })
	env := pipelinetest.Env()
	tasks := pipeline.NewTasks(env.Log, env.Clock)
	t.Cleanup(func() { require.NoError(t, tasks.Stop(context.Background())) })
	store := &shelf{kept: map[string]KeptCommand{}}
	t.Cleanup(func() { require.Empty(t, store.kept, "what has run is out of the store") })
	return NewCommands(tasks, env.Clock, store), tasks
}

// shelf is a store in memory.
type shelf struct {
	mu   sync.Mutex
	kept map[string]KeptCommand
	err  error
}

func (s *shelf) Keep(k KeptCommand) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.kept[k.Name()] = k
	}
	return s.err
}

func (s *shelf) Done(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.kept, name)
}

func execOf(t *testing.T, commands *Commands, cfg ExecConfig) *execStage {
	t.Helper()
	env := pipelinetest.Env()
	pipeline.Provide(env.Services, commands)
	s, err := newExec(pipeline.NewSettings(env, "p", "live/x", "exec"), cfg)
	require.NoError(t, err)
	return s.(*execStage)
}

// recorded gives the stage the begin and the end of a recording, and expects both to be passed on.
func recorded(t *testing.T, s pipeline.Transform[media.Recording, media.Recording], r media.Recording) {
	t.Helper()
	if r.ID == (media.ID{}) {
		r.ID = media.NewID(time.Now())
	}
	var states []media.State
	emit := func(r media.Recording) error { states = append(states, r.State); return nil }
	for _, r.State = range []media.State{media.StateRecording, media.StateFinished} {
		require.NoError(t, s.Process(t.Context(), r, emit))
	}
	require.Equal(t, []media.State{media.StateRecording, media.StateFinished}, states)
}

func shell(script string, args ...string) []string {
	return append([]string{"/bin/sh", "-c", script, "sh"}, args...)
}

func TestExecFillsInArgumentsWhichNoShellTakesApart(t *testing.T) {
	commands, _ := newTestCommands(t)
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	cfg := execDefaults
	cfg.RecordPath = dir
	cfg.Command = config.NewCommand(shell(`out=$1; shift; printf '%s\n' "$@" > "$out"`, out, "{path}", "in {stream} by {pipeline}", "{duration}s {size} {reason}", "{start}", "{unknown", "{file}")...)
	recorded(t, execOf(t, commands, cfg), media.Recording{
		Stream: "live/$(id) 'x'", Pipeline: "p", Path: "a/b c.mp4", DurationNS: 1_500_000_000, SizeBytes: 7, EndReason: endcause.Stop, StartUTC: 1.7e18,
	})
	require.Zero(t, commands.Wait(t.Context()))
	text, err := os.ReadFile(out)
	require.NoError(t, err, "it ran for the finished recording")
	require.Equal(t, []string{
		filepath.Join(dir, "a/b c.mp4"), "in live/$(id) 'x' by p", "1.500s 7 stop", "2023-11-14T22:13:20.000Z", "{unknown", "a/b c.mp4", "",
	}, strings.Split(string(text), "\n"))
}

// A shell that reads a name from its environment treats any content as text.
func TestExecGivesValuesToShellsAsVariables(t *testing.T) {
	commands, _ := newTestCommands(t)
	dir := t.TempDir()
	t.Setenv("SPOOL_STREAM", "of another")
	cfg := execDefaults
	cfg.RecordPath = dir
	cfg.Environment = config.NewEnvironment("SPOOL_STREAM")
	cfg.Command = config.NewCommand("/bin/sh", "-c", `printf '%s\n' "$SPOOL_PATH" "$SPOOL_FILE" "$SPOOL_STREAM" "$SPOOL_PIPELINE" "$SPOOL_ID" "$SPOOL_START" "$SPOOL_END" "$SPOOL_DURATION" "$SPOOL_SIZE" "$SPOOL_REASON" > "$0"`, filepath.Join(dir, "out"))
	r := media.Recording{
		ID: media.NewID(time.Now()), Stream: "live/$(touch x)`touch y`;'\"\n-rf", Pipeline: "p", Path: "-a/b c.mp4", DurationNS: 1_500_000_000, SizeBytes: 7,
		EndReason: endcause.Stop, StartUTC: 1.7e18, EndUTC: 1.7e18 + 1.5e9,
	}
	recorded(t, execOf(t, commands, cfg), r)
	require.Zero(t, commands.Wait(t.Context()))
	text, err := os.ReadFile(filepath.Join(dir, "out"))
	require.NoError(t, err)
	require.Equal(t, strings.Join([]string{
		filepath.Join(dir, r.Path), r.Path, r.Stream, "p", r.ID.String(), "2023-11-14T22:13:20.000Z", "2023-11-14T22:13:21.500Z", "1.500", "7", "stop", "",
	}, "\n"), string(text))
}

// Recordings of earlier versions may have names that a program reads as options, and another process may write any name
// into a store: no command runs with such a name, and the refusal is counted.
func TestExecGivesNoValueThatBecomesAnOption(t *testing.T) {
	commands, _ := newTestCommands(t)
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	cfg := execDefaults
	cfg.RecordPath = dir
	run := func(r media.Recording, args ...string) (lines []string, report pipeline.Report) {
		_ = os.Remove(out)
		cfg.Command = config.NewCommand(append(shell(`out=$1; shift; printf '%s\n' "$@" > "$out"`, out), args...)...)
		s := execOf(t, commands, cfg)
		recorded(t, s, r)
		require.Zero(t, commands.Wait(t.Context()))
		s.Report(&report)
		text, _ := os.ReadFile(out)
		return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n"), report
	}
	evil := media.Recording{Stream: "--config=/etc/evil", Path: "-rf/x.mp4"}
	lines, report := run(evil, "{file}", "--stream={stream}", "{path}", "-{stream}")
	require.Equal(t, []string{"./-rf/x.mp4", "--stream=--config=/etc/evil", filepath.Join(dir, "-rf/x.mp4"), "---config=/etc/evil"}, lines)
	require.Empty(t, report.Warnings)
	for _, refused := range []struct {
		r   media.Recording
		arg string
	}{
		{evil, "{stream}"}, {evil, "{stream}.txt"}, {media.Recording{Path: "a.mp4", DurationNS: -1}, "{duration}"},
		{media.Recording{Path: "../a.mp4"}, "{path}"}, {media.Recording{Path: "/etc/passwd"}, "{path}"}, {media.Recording{Path: "a/../../b.mp4"}, "x"},
		{media.Recording{Path: "a.mp4\x00"}, "x"}, {media.Recording{Path: "a.mp4", Stream: "a\x00b"}, "x"}, {media.Recording{}, "x"},
	} {
		lines, report := run(refused.r, refused.arg)
		require.Equal(t, []string{""}, lines, "%v", refused)
		require.Len(t, report.Warnings, 1, "%v", refused)
		require.Contains(t, report.Warnings[0], "for 1 recordings no command was run", "%v", refused)
	}
	require.Empty(t, commands.store.(*shelf).kept, "no command is tried again")
}

func TestExecReportsWhyACommandFailedWithoutItsPath(t *testing.T) {
	commands, _ := newTestCommands(t)
	for want, command := range map[string][]string{
		"a command failed: exit status 3":                   shell("echo secret/path; exit 3"),
		"a command could not be run, the log says why":      {"/no/such/program", "{path}"},
		"a command failed: it took too long and was killed": shell("exec sleep 1000"),
	} {
		cfg := execDefaults
		cfg.Command = config.NewCommand(command...)
		if strings.HasSuffix(want, "killed") { // the others end by themselves, however long that takes
			cfg.Timeout = config.Duration(300 * time.Millisecond)
		}
		s := execOf(t, commands, cfg)
		recorded(t, s, media.Recording{Path: "a.mp4"})
		require.Zero(t, commands.Wait(t.Context()))
		var r pipeline.Report
		s.Report(&r)
		require.Equal(t, want, r.LastError)
		require.Len(t, r.Problems, 1)
		require.Equal(t, "command_failed", r.Problems[0].Problem)
		require.Equal(t, want, r.Problems[0].Cause)
		require.NotZero(t, r.Problems[0].Since)
		require.Contains(t, r.Problems[0].Remedy, "output in the log")
	}
}

// The problem of a command that failed lasts until a command succeeds.
func TestAProblemOfACommandEndsWithTheNextSuccess(t *testing.T) {
	commands, _ := newTestCommands(t)
	cfg := execDefaults
	cfg.Command = config.NewCommand("/usr/bin/test", "{file}", "=", "good.mp4")
	s := execOf(t, commands, cfg)
	problems := func(file string) []pipeline.Problem {
		recorded(t, s, media.Recording{Path: file})
		require.Zero(t, commands.Wait(t.Context()))
		var r pipeline.Report
		s.Report(&r)
		return r.Problems
	}
	first := problems("bad.mp4")
	require.Len(t, first, 1)
	require.Equal(t, first, problems("bad.mp4"), "it lasts since the first failure")
	require.Empty(t, problems("good.mp4"))
}

func TestCommandIsKilledWithAllThatItStarted(t *testing.T) {
	commands, _ := newTestCommands(t)
	pidFile := filepath.Join(t.TempDir(), "pid")
	got := make(chan Outcome, 1)
	var said string
	for timeout := 500 * time.Millisecond; !strings.HasSuffix(said, "\n"); timeout *= 2 { // until the shell has the time to start it
		require.True(t, commands.Run("p", 1, 0, Command{
			Args:    shell(`sleep 1000 & echo $! > "$1"; wait`, pidFile),
			Timeout: timeout, Ended: func(o Outcome) { got <- o },
		}))
		require.ErrorIs(t, (<-got).Err, errCommandTime)
		text, _ := os.ReadFile(pidFile)
		said = string(text)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(said))
	require.NoError(t, err)
	require.Eventually(t, func() bool { return gone(pid) }, time.Minute, time.Millisecond)
}

// gone reports whether a process has ended. A zombie counts as ended, because its new parent may never reap it.
func gone(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return true
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.Contains(string(stat), ") Z ")
}

func TestCommandsOfALaneAreBounded(t *testing.T) {
	commands, _ := newTestCommands(t)
	log := filepath.Join(t.TempDir(), "log")
	for range 12 {
		require.True(t, commands.Run("p", 3, 20, Command{
			Args:    shell(`echo begin >> "$1"; sleep 0.02; echo end >> "$1"`, log),
			Timeout: time.Minute, Ended: func(o Outcome) { require.NoError(t, o.Err) },
		}))
	}
	require.Zero(t, commands.Wait(t.Context()))
	text, err := os.ReadFile(log)
	require.NoError(t, err)
	running, most := 0, 0
	for _, line := range strings.Fields(string(text)) {
		if running++; line == "end" {
			running -= 2
		}
		most = max(most, running)
	}
	require.Zero(t, running)
	require.LessOrEqual(t, most, 3)
	require.Equal(t, 24, strings.Count(string(text), "\n"))
}

// A pipeline with two exec stages of different concurrency, or one that is declared again with another concurrency,
// runs no more commands than both limits allow.
func TestCommandsOfOneNameAndSeveralLimitsAreBounded(t *testing.T) {
	commands, _ := newTestCommands(t)
	fifo := filepath.Join(t.TempDir(), "fifo")
	require.NoError(t, syscall.Mkfifo(fifo, 0o600))
	gate, err := os.OpenFile(fifo, os.O_RDWR, 0)
	require.NoError(t, err)
	defer gate.Close()
	taken := 0
	for n := range 20 {
		if commands.Run("p", 1+n%2, 1, Command{
			Args: []string{"dd", "if=" + fifo, "bs=1", "count=1", "status=none"}, Timeout: time.Minute, Ended: func(Outcome) {},
		}) {
			taken++
		}
	}
	require.Equal(t, 1+1+2+1, taken, "as many as run and wait, of each limit")
	_, err = gate.WriteString("bytes")
	require.NoError(t, err)
	require.Zero(t, commands.Wait(t.Context()))
	require.Empty(t, commands.lanes, "nothing is left of a pipeline without commands")
}

func TestExecCountsRecordingsWithoutACommand(t *testing.T) {
	commands, _ := newTestCommands(t)
	fifo := filepath.Join(t.TempDir(), "fifo")
	require.NoError(t, syscall.Mkfifo(fifo, 0o600))
	cfg := execDefaults
	gate, err := os.OpenFile(fifo, os.O_RDWR, 0)
	require.NoError(t, err)
	defer gate.Close()
	cfg.Command, cfg.MaxWaiting = config.NewCommand("dd", "if="+fifo, "bs=1", "count=1", "status=none"), 1 // waits for a byte
	s := execOf(t, commands, cfg)
	for range 5 {
		recorded(t, s, media.Recording{Path: "a.mp4"})
	}
	var r pipeline.Report
	s.Report(&r)
	require.Len(t, r.Warnings, 1)
	require.Contains(t, r.Warnings[0], "for 3 recordings no command was run")
	_, err = gate.WriteString("go")
	require.NoError(t, err)
	require.Zero(t, commands.Wait(t.Context()))
	require.True(t, commands.Run("p", 1, 0, Command{Args: []string{"true"}, Timeout: time.Minute, Ended: func(Outcome) {}}), "there is room again")
	require.Zero(t, commands.Wait(t.Context()))
}

func TestCommandGetsOnlyConfiguredVariables(t *testing.T) {
	commands, _ := newTestCommands(t)
	t.Setenv("SPOOL_DATABASE__DSN", "postgres://u:secret@h/db")
	t.Setenv("WANTED", "yes")
	got := make(chan Outcome, 1)
	commands.Run("p", 1, 1, Command{Args: []string{"env"}, Environment: []string{"WANTED", "MISSING"}, Timeout: time.Minute, Ended: func(o Outcome) { got <- o }})
	out := <-got
	require.NoError(t, out.Err)
	require.Contains(t, out.Output, "PATH=")
	require.Contains(t, out.Output, "WANTED=yes")
	require.NotContains(t, out.Output, "secret")
}

// When the process ends one command runs and one waits: both stay in the store, and the log names each. The next
// process runs them and removes them from the store, also if they fail. A command whose file is gone is not run.
func TestPendingCommandsRunAtTheNextStart(t *testing.T) {
	commands, _ := newTestCommands(t)
	store := commands.store.(*shelf)
	dir := t.TempDir()
	ran := filepath.Join(dir, "ran")
	cfg := execDefaults
	cfg.RecordPath = dir
	cfg.Command = config.NewCommand(shell(`echo "$2" >> "$1"; while ! test -e "$1.go"; do sleep 0.01; done; exit 3`, ran, "{file} {reason} {duration}")...)
	s := execOf(t, commands, cfg)
	var log strings.Builder
	s.log = slog.New(slog.NewTextHandler(&log, nil))
	var recs []media.Recording
	for i := range 3 {
		r := media.Recording{
			ID: media.NewID(time.UnixMilli(int64(i + 1))), Stream: "live/x", Path: fmt.Sprintf("%d.mp4", i), DurationNS: 2e9, EndReason: endcause.Stop,
		}
		recs = append(recs, r)
		require.NoError(t, os.WriteFile(filepath.Join(dir, r.Path), nil, 0o600))
		recorded(t, s, r)
	}
	require.Eventually(t, func() bool { text, _ := os.ReadFile(ran); return len(text) > 0 }, time.Minute, time.Millisecond)
	hurry, cancel := context.WithCancel(t.Context())
	cancel()
	require.Equal(t, 3, commands.Wait(hurry))
	commands.Leave(t.Context())
	require.Zero(t, commands.Held())
	require.Len(t, store.kept, 3)
	for _, r := range recs {
		require.Equal(t, 1, strings.Count(log.String(), "file="+r.Path), log.String())
	}
	require.Equal(t, 3, strings.Count(log.String(), "the next start runs it"))
	require.Equal(t, 1, strings.Count(log.String(), "had_begun=true"))

	require.NoError(t, os.Remove(filepath.Join(dir, recs[1].Path)))
	require.NoError(t, os.WriteFile(ran+".go", nil, 0o600))
	require.NoError(t, os.Remove(ran))
	again, _ := newTestCommands(t)
	again.store = store
	for name, k := range maps.Clone(store.kept) {
		require.Equal(t, name, k.Name())
		require.True(t, cfg.Matches(k))
		err := again.Resume(k, cfg, slog.New(slog.DiscardHandler))
		if k.Path == recs[1].Path {
			require.ErrorContains(t, err, "its file is gone")
			store.Done(name)
			continue
		}
		require.NoError(t, err)
		require.NoError(t, again.Resume(k, cfg, slog.New(slog.DiscardHandler)), "it runs once")
	}
	require.Zero(t, again.Wait(t.Context()))
	text, err := os.ReadFile(ran)
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"0.mp4 stop 2.000", "2.mp4 stop 2.000", ""}, strings.Split(string(text), "\n"))
	require.Empty(t, store.kept)
}

func TestAKeptCommandStaysInItsDirectory(t *testing.T) {
	commands, _ := newTestCommands(t)
	k := KeptCommand{ID: media.NewID(time.Now()).String(), Path: "../a.mp4"}
	require.ErrorContains(t, commands.Resume(k, execDefaults, slog.New(slog.DiscardHandler)), "leads out")
	cfg := execDefaults
	cfg.RecordPath = t.TempDir()
	require.NoError(t, os.Symlink("/etc/passwd", filepath.Join(cfg.RecordPath, "link.mp4")))
	outside := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(outside, "a.mp4"), nil, 0o600))
	require.NoError(t, os.Symlink(outside, filepath.Join(cfg.RecordPath, "way")))
	k.Stream = "live/a"
	for _, k.Path = range []string{"link.mp4", "way/a.mp4"} {
		require.ErrorContains(t, commands.Resume(k, cfg, slog.New(slog.DiscardHandler)), "not a recording: it is a symbolic link")
	}
	k.ID = "x"
	require.ErrorContains(t, commands.Resume(k, execDefaults, slog.New(slog.DiscardHandler)), "not a UUID")
}

// A command that cannot start for lack of file descriptors starts when some are free.
func TestCommandsWaitForDescriptors(t *testing.T) {
	commands, _ := newTestCommands(t)
	var before syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before))
	none := before
	none.Cur = 0
	// No parallel test runs while one that is not does.
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &none))
	got := make(chan Outcome, 1)
	commands.Run("p", 1, 1, Command{Args: []string{"/bin/true"}, Timeout: time.Minute, Ended: func(o Outcome) { got <- o }})
	hurry, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	left := commands.Wait(hurry)
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before))
	require.Equal(t, 1, left)
	require.NoError(t, (<-got).Err)
}

// A command whose store fails runs all the same, and the log reports it as lost if it is given up.
func TestCommandsRunWithoutAStore(t *testing.T) {
	commands, _ := newTestCommands(t)
	commands.store.(*shelf).err = syscall.ENOSPC
	cfg := execDefaults
	cfg.Command = config.NewCommand("sleep", "1000")
	s := execOf(t, commands, cfg)
	var log strings.Builder
	s.log = slog.New(slog.NewTextHandler(&log, nil))
	recorded(t, s, media.Recording{Path: "a.mp4"})
	recorded(t, s, media.Recording{Path: "b.mp4"})
	commands.Leave(t.Context())
	require.Equal(t, 1, strings.Count(log.String(), "it runs from memory"))
	require.Equal(t, 2, strings.Count(log.String(), "a command is lost"))
}

func TestExecRefusesInvalidSettings(t *testing.T) {
	for text, want := range map[string]string{
		"{}":                              "command: is empty",
		"{command: [a, '{fil}']}":         `command/1: unknown placeholder "fil", did you mean "file"?`,
		"{command: [a], timeout: 0.5}":    "timeout",
		"{command: [a], concurrency: 0}":  "1 to 1000",
		"{command: [a], max_waiting: -1}": "max_waiting",
		"{command: 'rm -rf {path}'}":      "a list",
	} {
		n, err := config.Parse("t.yaml", []byte(text))
		require.NoError(t, err)
		cfg := execDefaults
		require.ErrorContains(t, n.Decode(&cfg).Err(), want, text)
	}
}

func TestReadExecTakesNoOtherStageAndNoWrongSettings(t *testing.T) {
	list, err := config.Parse("test.yaml", []byte("[exec: {command: [a], timeout: 5s}, exec: {command: [b], timeout: short}, motion]"))
	require.NoError(t, err)
	var read []string
	pipeline.EachStage(list, func(s *pipeline.StageInfo, settings *config.Node) {
		if cfg, ok := ReadExec(s, settings); ok {
			require.Equal(t, config.Duration(5*time.Second), cfg.Timeout)
			require.Equal(t, execDefaults.MaxWaiting, cfg.MaxWaiting)
			read = append(read, cfg.Command.Reveal()...)
		}
	})
	require.Equal(t, []string{"a"}, read)
}
