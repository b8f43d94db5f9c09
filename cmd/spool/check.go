package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/recorder"
	"github.com/gospool/spool/sinks/mp4/disk"
	"github.com/gospool/spool/stages/hub"
)

// CheckCmd is spool check.
type CheckCmd struct {
	Path string `arg:"" optional:"" name:"file" help:"Configuration file, as with -c."`
}

// Run builds what the configuration declares, looks whether it could be recorded
// to where it says and what the file systems there lack, and starts nothing.
func (c *CheckCmd) Run(p *Program) error {
	if c.Path != "" {
		p.Settings.File = c.Path
	}
	cfg, err := p.load()
	if err != nil {
		return err
	}
	declared, err := compile(cfg)
	if err != nil {
		return err
	}
	showWarnings(p.Stderr, cfg.Warnings)
	from := cfg.File
	if from == "" {
		from = "no configuration file"
	}
	fmt.Fprintf(p.Stdout, "%s: right, with %s and %s\n", from, count(len(cfg.Streams), "stream"), count(len(declared), "pipeline"))
	for _, d := range declared {
		fmt.Fprintf(p.Stdout, "%s, for %s, %s: %s\n", d.Plan.Name, d.Streams, d.Mode, d.Plan)
	}
	for _, dir := range recordDirs(cfg) {
		checkWritable(p, dir)
	}
	return showFilesystems(p.Stdout, cfg)
}

// checkWritable says whether recordings could be written now. That they could not is
// no fault of the configuration: it may be checked elsewhere than it is used.
func checkWritable(p *Program, dir string) {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return // the first recording makes it
	}
	w := disk.NewWritable(dir)
	defer w.Close()
	has, err := w.Try()
	if err != nil {
		fmt.Fprintf(p.Stderr, "warning: nothing could be recorded to %s now: %s: %v\n", dir, disk.ProblemOf(err, time.Time{}).Problem, err)
		return
	}
	fmt.Fprintf(p.Stdout, "%s can be recorded to: %d MiB are free", dir, has.Free>>20)
	if has.Inodes > 0 {
		fmt.Fprintf(p.Stdout, ", for %d more files at most", has.FreeInodes)
	}
	fmt.Fprintln(p.Stdout)
}

// compile is the last check of a configuration: its pipelines and the URLs of its
// streams are built. It does no I/O.
func compile(cfg *configs.Config) ([]recorder.Declared, error) {
	declared, problems := cfg.Compile()
	problems = append(problems, checkAccess(cfg)...)
	for _, path := range slices.Sorted(maps.Keys(cfg.Streams)) {
		s := cfg.Streams[path]
		if s.Pull == "" {
			continue
		}
		options := hub.PullOptions{
			Path: string(path), Transport: s.Transport, Fingerprint: s.TLS.Fingerprint,
			Log: slog.New(slog.DiscardHandler), Clock: pipeline.SystemClock,
		}
		if _, err := hub.NewPuller(s.Pull, options); err != nil {
			problems = append(problems, cfg.Problem(config.Join(config.Join("streams", string(path)), "pull"), err.Error()))
		}
	}
	if len(problems) > 0 {
		return nil, problems.Sorted()
	}
	return declared, nil
}

// buildProblems is what compile finds.
func buildProblems(cfg *configs.Config) config.Problems {
	_, err := compile(cfg)
	var problems config.Problems
	errors.As(err, &problems)
	return problems
}

func showWarnings(w io.Writer, warnings config.Problems) {
	for _, warning := range warnings {
		fmt.Fprintf(w, "warning: %s\n", warning)
	}
}
