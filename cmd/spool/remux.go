package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/gospool/spool/cmd/spool/logging"
	"github.com/gospool/spool/cmd/spool/newfile"
	"github.com/gospool/spool/cmd/spool/progress"
	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest/file"
)

// RemuxCmd implements spool remux, which copies an MP4 file into a new one.
type RemuxCmd struct {
	In       string `arg:"" help:"MP4 file to read, ordinary or fragmented, finished or cut off in its last fragment."`
	Out      string `arg:"" help:"MP4 file to write. It must not exist."`
	Fragment bool   `help:"Write fragmented MP4 with an index instead of ordinary MP4 with the moov first."`
}

// Run copies the tracks of the input file to the output file through a pipeline like that of a recording. It
// writes the output in a temporary directory beside it, and moves it to its name when it is complete. It
// refuses an output file that exists. Like cp, it does not sync the output to the disk.
func (c *RemuxCmd) Run(p *Program) error {
	if _, err := os.Lstat(c.Out); err == nil {
		return usageError{fmt.Errorf("%s exists already: remux replaces no file, so choose another name", c.Out)}
	}
	dir, err := os.MkdirTemp(filepath.Dir(c.Out), ".spool-remux-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	log := logging.New(configs.Log{Level: "warn", Format: "human"}, p.Stderr, p.Environ)
	plan, pool, total, err := c.plan(dir, log)
	if err != nil {
		return err
	}
	// With one processor, a chunk is written by the core that has read it, from its cache. That needs a
	// tenth less CPU time and no more time.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	bar := progress.New(p.Stderr, "remux, KiB")
	report, err := convert(plan, pool, log, func() { bar.At(int(min(sizeOf(dir), total)>>10), int(total>>10)) })
	bar.End()
	if err != nil {
		return err
	}
	for _, d := range report.Drops {
		fmt.Fprintf(p.Stderr, "left out: %s (%s)\n", count(int(d.AccessUnits), "access unit"), d.Cause)
	}
	if report.Finish.File == "" {
		return fmt.Errorf("%s has no key frame: there is nothing to write", c.In)
	}
	if err := newfile.Move(filepath.Join(dir, report.Finish.File), c.Out); err != nil {
		return err
	}
	fmt.Fprintf(p.Stdout, "%s: %s, %d bytes, %d of them to finish the file\n",
		c.Out, count(int(report.AccessUnits), "access unit"), report.Finish.FileBytes, report.Finish.BytesWritten)
	return nil
}

// remuxName is the name of the output in the temporary directory.
const remuxName = "out.mp4"

// century bounds the duration that plan takes from the header of a file, which may be damaged.
const century = 100 * 365 * 24 * time.Hour

// plan compiles the pipeline from the input file to a file in dir. It also returns the pool of its chunks,
// and the number of bytes of media to copy, which is 0 for a fragmented input, because its tables do not have
// it. The segmenter's limits are above the duration and the size of the input, so that the output is one
// file; without a known duration or size, the limit is 0, which means none. max_size also determines the
// space that is reserved for the moov, a 256th of it.
func (c *RemuxCmd) plan(dir string, log *slog.Logger) (*pipeline.Plan, *media.Pool, int64, error) {
	pool := media.NewPool(64 << 20)
	r, err := file.Open(c.In, pool, media.DefaultFlush, time.Now(), slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, nil, 0, err
	}
	defer r.Close()
	limit := time.Duration(0)
	if d := r.Duration(); d > 0 {
		limit = min(d, century) + time.Minute
	}
	size, content, moov := int64(0), int64(0), int64(0)
	if content, moov = r.Content(); content > 0 {
		size = 1<<20 + 2*content + 256*moov
	}
	stages := config.FromAny([]any{
		map[string]any{"file": map[string]any{"path": c.In, "speed": "max"}},
		map[string]any{"segmenter": map[string]any{"max_duration": limit.String(), "max_size": size}},
		map[string]any{"mp4": map[string]any{
			"record_path": dir, "filename_pattern": remuxName, "fragment": c.Fragment, "sync": "none",
		}},
		map[string]any{"null": map[string]any{}},
	}, "remux", nil)
	plan, problems := pipeline.Compile("remux", stages)
	return plan, pool, content, problems.Err()
}

var errInterrupted = errors.New("interrupted: nothing was written")

// sizeOf returns the sum of the sizes of the regular files in a directory.
func sizeOf(dir string) (bytes int64) {
	entries, _ := os.ReadDir(dir) // an unreadable directory counts as empty
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			bytes += info.Size()
		}
	}
	return bytes
}

// convert runs a pipeline until the input file ends, and returns its report. It calls show every
// progress.Every. It returns errInterrupted after SIGINT or SIGTERM.
func convert(plan *pipeline.Plan, pool *media.Pool, log *slog.Logger, show func()) (pipeline.Report, error) {
	services := &pipeline.Services{}
	pipeline.Provide(services, pool)
	run, err := plan.Build(pipeline.Env{Services: services, Log: log, Clock: pipeline.SystemClock}, "remux", nil)
	if err != nil {
		return pipeline.Report{}, err
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	defer signal.Stop(signals)
	if err := run.Start(context.Background()); err != nil {
		return pipeline.Report{}, err
	}
	look := time.NewTicker(progress.Every)
	defer look.Stop()
	show()
	for {
		select {
		case <-look.C:
			show()
		case <-signals:
			run.Abort(errInterrupted)
			<-run.Done()
		case <-run.Done():
			return run.Report(), run.Err()
		}
	}
}
