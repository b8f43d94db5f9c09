package stages

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/media"
)

// ExecConfig holds the settings of the stage exec, which runs a command for each finished
// recording.
type ExecConfig struct {
	Use         string             `yaml:"use" declared:"exec" reaches:"nothing" doc:"name of a command of declare.exec, with its settings: the only kind of command that a pipeline made by API may run"`
	Command     config.Command     `yaml:"command" reaches:"command" doc:"the program and its arguments, each an item of the list, without a shell; placeholders are {path} {file} {stream} {pipeline} {id} {start} {end} {duration} {size} {reason}, except in text that a program reads as a script, such as the argument of sh -c: there write \"$SPOOL_PATH\" \"$SPOOL_STREAM\" and so on, environment variables of the same names that every command has"`
	Timeout     config.Duration    `yaml:"timeout" takes:"nothing" doc:"a command that runs longer is killed, with all processes that it started"`
	Concurrency int                `yaml:"concurrency" takes:"commands" doc:"commands that run at the same time, of all streams of the pipeline"`
	MaxWaiting  int                `yaml:"max_waiting" takes:"waiting" doc:"longest queue; further commands are skipped, logged and counted"`
	Environment config.Environment `yaml:"environment" reaches:"environment" doc:"names of variables of spool's own environment that the command inherits, beside PATH, HOME, LANG, TZ and TMPDIR"`
	RecordPath  string             `yaml:"record_path" inherit:"mp4.record_path" reaches:"directory" doc:"directory at the begin of {path}: that of the mp4 stage before"`
}

// execDefaults holds the values of the settings that a declaration omits.
var execDefaults = ExecConfig{
	Timeout: config.Duration(10 * time.Minute), Concurrency: 1, MaxWaiting: 1000,
}

// Check reports an empty command, an unknown placeholder, a placeholder in text that a program
// reads as a script, and limits that are out of range.
func (c ExecConfig) Check() (problems config.Problems) {
	command := c.Command.Reveal()
	if c.Use == "" && len(command) == 0 || len(command) > 0 && command[0] == "" {
		problems = append(problems, config.At("command", "is empty").WithHint(`for example command: [/usr/local/bin/done, "{path}"]`))
	}
	for i, arg := range command {
		for _, m := range placeholder.FindAllString(arg, -1) {
			if name := m[1 : len(m)-1]; execValues[name] == nil {
				problems = append(problems, config.At(config.Join("command", strconv.Itoa(i)), "%s", config.Unknown("placeholder", name, names(execValues))))
			}
		}
	}
	problems = append(problems, c.checkScripts()...)
	if c.Timeout < config.Duration(time.Second) {
		problems = append(problems, config.At("timeout", "%s is too short", c.Timeout).WithHint("at least 1s"))
	}
	if c.Concurrency < 1 || c.Concurrency > 1000 {
		problems = append(problems, config.At("concurrency", "%d is not possible", c.Concurrency).WithHint("1 to 1000"))
	}
	if c.MaxWaiting < 0 || c.MaxWaiting > 100_000 {
		problems = append(problems, config.At("max_waiting", "%d is not possible", c.MaxWaiting).WithHint("0 to 100000"))
	}
	return problems
}

var placeholder = regexp.MustCompile(`\{[a-z_]+\}`)

// execValues holds, by the name of a placeholder, the function that returns its value for a
// recording.
var execValues = map[string]func(*media.Recording, *ExecConfig) string{
	"path": func(r *media.Recording, c *ExecConfig) string {
		path := filepath.Join(c.RecordPath, filepath.FromSlash(r.Path))
		if abs, err := filepath.Abs(path); err == nil {
			path = abs
		}
		return path
	},
	"file":     func(r *media.Recording, _ *ExecConfig) string { return r.Path },
	"stream":   func(r *media.Recording, _ *ExecConfig) string { return r.Stream },
	"pipeline": func(r *media.Recording, _ *ExecConfig) string { return r.Pipeline },
	"id":       func(r *media.Recording, _ *ExecConfig) string { return r.ID.String() },
	"start":    func(r *media.Recording, _ *ExecConfig) string { return utc(r.StartUTC) },
	"end":      func(r *media.Recording, _ *ExecConfig) string { return utc(r.EndUTC) },
	"duration": func(r *media.Recording, _ *ExecConfig) string {
		return strconv.FormatFloat(time.Duration(r.DurationNS).Seconds(), 'f', 3, 64)
	},
	"size":   func(r *media.Recording, _ *ExecConfig) string { return strconv.FormatInt(r.SizeBytes, 10) },
	"reason": func(r *media.Recording, _ *ExecConfig) string { return string(r.EndReason) },
}

func utc(ns int64) string { return time.Unix(0, ns).UTC().Format("2006-01-02T15:04:05.000Z07:00") }

func names[V any](m map[string]V) (out []string) {
	for name := range m {
		out = append(out, name)
	}
	return out
}

func init() {
	pipeline.RegisterTransform("exec", execDefaults,
		"Runs a command for each finished or recovered recording, while the next one is being recorded. At its end spool waits for commands within shutdown_timeout. The next start runs the commands that are left then, or by a crash, again if they had begun, unless their file is gone. Place it between mp4 and metadata.",
		newExec)
}

// errValue is the error of a value that a program would read as an option, or that leads out of the
// record directory. Recordings of earlier versions may contain such values.
var errValue = errors.New("a value cannot be given to a command")

// execStage passes recordings on, and runs a command for each finished one.
type execStage struct {
	cfg       ExecConfig
	commands  *Commands
	log       *slog.Logger
	pipeline  string
	refused   atomic.Uint64 // recordings without a command because too many commands waited
	unfit     atomic.Uint64 // recordings without a command because one of their values is unsafe as an argument
	unstored  atomic.Bool   // a failure to store a command has been logged
	lastError atomic.Pointer[string]
	failing   atomic.Pointer[pipeline.Problem] // nil: no command has failed since one succeeded
}

func newExec(set pipeline.Settings, cfg ExecConfig) (pipeline.Transform[media.Recording, media.Recording], error) {
	if len(cfg.Command.Reveal()) == 0 {
		return nil, fmt.Errorf("declare.exec has no command %q", cfg.Use)
	}
	commands, err := pipeline.Use[*Commands](set)
	if err != nil {
		return nil, err
	}
	return &execStage{cfg: cfg, commands: commands, log: set.Log, pipeline: set.Pipeline}, nil
}

// Process stores the command of a finished recording, passes the recording on, and then starts the
// command. It does not wait for the command. A crash does not lose a stored command, because
// Process stores it before the catalogue records the file as finished; the command may then run
// twice.
func (e *execStage) Process(_ context.Context, r media.Recording, emit pipeline.Emit[media.Recording]) error {
	if r.State != media.StateFinished && r.State != media.StateRecovered {
		return emit(r)
	}
	kept := e.keep(&r)
	err := emit(r)
	e.start(r, kept) // also if emit failed: the file is finished
	return err
}

// keep stores the command of a recording and returns the command's name in the store, or "" if
// storing failed.
func (e *execStage) keep(r *media.Recording) string {
	k := keptCommand(e.pipeline, &e.cfg, r)
	err := e.commands.store.Keep(k)
	if err == nil {
		return k.Name()
	}
	if !e.unstored.Swap(true) {
		e.log.Warn("storing a command failed: it runs from memory, and a crash loses it; further failures are not logged", "file", r.Path, "error", err)
	}
	return ""
}

// Flush does nothing: commands continue after the end of the run.
func (e *execStage) Flush(context.Context, pipeline.Emit[media.Recording]) error { return nil }

func (e *execStage) start(r media.Recording, kept string) {
	log := e.log.With("file", r.Path)
	args, err := e.args(&r)
	if err != nil {
		e.commands.store.Done(kept)
		e.unfit.Add(1)
		log.Error("no command is run for a recording", "error", err)
		return
	}
	command := Command{
		Kept: kept, Args: args, Environment: e.cfg.Environment.Reveal(), Variables: e.variables(&r), Timeout: time.Duration(e.cfg.Timeout),
		Ended: func(out Outcome) { e.ended(log, kept, out) },
	}
	if e.commands.Run(e.pipeline, e.cfg.Concurrency, e.cfg.MaxWaiting, command) {
		return
	}
	e.commands.store.Done(kept)
	e.refused.Add(1)
	log.Error("commands take longer than recordings: the command of this one is skipped", "waiting", e.cfg.MaxWaiting)
}

// args returns the command with its placeholders replaced by the recording's values. A value stays
// within its argument. If a value would turn an argument into an option, the argument gets the
// prefix ./ if it begins with {file}; otherwise args returns errValue. It also returns errValue if
// the recording's path leads out of the record directory.
func (e *execStage) args(r *media.Recording) ([]string, error) {
	if !filepath.IsLocal(filepath.FromSlash(r.Path)) || strings.ContainsRune(r.Path+r.Stream, 0) {
		return nil, fmt.Errorf("%w: the path %.200q of stream %.200q leads out of the record directory, or contains a NUL byte", errValue, r.Path, r.Stream)
	}
	args := e.cfg.Command.Reveal()
	for i, arg := range args {
		args[i] = placeholder.ReplaceAllStringFunc(arg, func(m string) string {
			return execValues[strings.Trim(m, "{}")](r, &e.cfg)
		})
		if !strings.HasPrefix(args[i], "-") || strings.HasPrefix(arg, "-") {
			continue
		}
		if !strings.HasPrefix(arg, "{file}") {
			return nil, fmt.Errorf("%w: a program would read the argument %q as an option", errValue, args[i])
		}
		args[i] = "./" + args[i]
	}
	return args, nil
}

// variables returns the recording's values as environment variables, each as NAME=value.
func (e *execStage) variables(r *media.Recording) (out []string) {
	for name, value := range execValues {
		out = append(out, config.CommandVariables[name]+"="+value(r, &e.cfg))
	}
	return out
}

func (e *execStage) ended(log *slog.Logger, kept string, out Outcome) {
	log = log.With("command", e.cfg.Command, "took", out.Took.Round(time.Millisecond))
	switch {
	case out.Err == nil:
		e.failing.Store(nil)
		log.Info("command ended")
		return
	case out.Left() && kept != "":
		log.Warn("a command is left because spool ends: the next start runs it", "had_begun", out.Ran)
		return
	case out.Left():
		log.Error("a command is lost because spool ends and it could not be stored", "had_begun", out.Ran)
		return
	}
	log.Error("command failed", "error", out.Err, "output", out.Output)
	shown := "a command could not be run, the log says why" // the text of out.Err may contain a path
	if out.Ran || errors.Is(out.Err, errCommandTime) {
		shown = fmt.Sprintf("a command failed: %v", out.Err)
	}
	e.lastError.Store(&shown)
	problem := pipeline.Problem{
		Problem: "command_failed", Since: e.commands.clock.Now(), Cause: shown,
		Remedy: "find the command's output in the log, and correct the command or its program; the next command that succeeds ends the problem",
	}
	if before := e.failing.Load(); before != nil {
		problem.Since = before.Since
	}
	e.failing.Store(&problem)
}

// Report adds the newest failure of a command, a problem until a command succeeds, and warnings
// about commands that were not run.
func (e *execStage) Report(r *pipeline.Report) {
	if text := e.lastError.Load(); text != nil && r.LastError == "" {
		r.LastError = *text
	}
	if p := e.failing.Load(); p != nil {
		r.Problems = append(r.Problems, *p)
	}
	if n := e.unfit.Load(); n > 0 {
		r.Warnings = append(r.Warnings, fmt.Sprintf("for %d recordings no command was run, because a program would read a name of an earlier version as an option or another file: the log names them", n))
	}
	if n := e.refused.Load(); n > 0 {
		r.Warnings = append(r.Warnings, fmt.Sprintf("for %d recordings no command was run, because max_waiting of them wait: raise concurrency", n))
	}
}
