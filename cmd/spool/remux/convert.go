package remux

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/gospool/spool/cmd/spool/progress"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
)

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

// plain returns the error of a stage without the names of the stage and the pipeline, which the user has not written.
func plain(err error) error {
	if of := (*pipeline.StageError)(nil); errors.As(err, &of) {
		return of.Err
	}
	return err
}

// convert runs a pipeline until the input file ends, and returns its report. It calls show every
// progress.Every. It returns errInterrupted after SIGINT or SIGTERM.
func convert(plan *pipeline.Plan, pool *media.Pool, log *slog.Logger, show func()) (pipeline.Report, error) {
	services := &pipeline.Services{}
	pipeline.Provide(services, pool)
	run, err := plan.Build(pipeline.Env{Services: services, Log: log, Clock: pipeline.SystemClock}, "remux", nil)
	if err != nil {
		return pipeline.Report{}, plain(err)
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	defer signal.Stop(signals)
	if err := run.Start(context.Background()); err != nil {
		return pipeline.Report{}, plain(err)
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
			return run.Report(), plain(run.Err())
		}
	}
}
