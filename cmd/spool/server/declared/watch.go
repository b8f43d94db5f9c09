package declared

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
)

// Begin starts the tasks that run the schedule and that reload on SIGHUP and when the
// configuration file changes.
func (p *Set) Begin(tasks *pipeline.Tasks) {
	hangUps := make(chan os.Signal, 1)
	signal.Notify(hangUps, syscall.SIGHUP)
	tasks.Go("schedule", p.schedule.Run)
	tasks.Go("reload", func(ctx context.Context) error {
		for {
			select {
			case <-hangUps:
				p.reloadAndLog(ctx, "SIGHUP")
			case <-ctx.Done():
				return nil
			}
		}
	})
	if file := p.started.File; file != "" {
		tasks.Keep("watch configuration", pipeline.Backoff{}, func(ctx context.Context) error { return p.watch(ctx, file) })
	}
}

// settle is how long a file must stay unchanged before it is read: editors write in several
// steps.
const settle = 200 * time.Millisecond

// watch reloads when the content of the file has changed, or when it was written again after a
// refusal. It watches the directory, since editors and mounts replace the file.
func (p *Set) watch(ctx context.Context, file string) error {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return err
	}
	defer w.Close()
	seen, _ := config.ReadFile(file)
	if err := w.Add(filepath.Dir(file)); err != nil {
		return err
	}
	settled, stop := p.clock.After(settle) // first, for changes before the watch began
	defer func() { stop() }()
	for {
		select {
		case e := <-w.Events:
			if base := filepath.Base(e.Name); base == filepath.Base(file) || base == mountedData {
				stop()
				settled, stop = p.clock.After(settle)
			}
		case <-settled:
			text, err := config.ReadFile(file)
			if err == nil && (!bytes.Equal(text, seen) || len(p.Unloaded()) > 0) {
				seen = text
				p.reloadAndLog(ctx, "the file changed")
			}
		case err := <-w.Errors:
			return fmt.Errorf("watching %s: %w", file, err)
		case <-ctx.Done():
			return nil
		}
	}
}

// mountedData is the link that a Kubernetes volume replaces when its files change.
const mountedData = "..data"

// reloadAndLog reloads and logs the result. Faults while the change is applied are logged
// there.
func (p *Set) reloadAndLog(ctx context.Context, why string) {
	got, err := p.reload(ctx)
	var problems config.Problems
	switch {
	case errors.As(err, &problems):
		for _, problem := range problems {
			p.log.Error("the configuration is refused; nothing was changed", "at", problem.Pos.String(), "setting", problem.Path, "problem", problem.Msg, "hint", problem.Hint)
		}
	case err != nil:
		p.log.Error("the configuration was not reloaded", "error", err)
	default:
		p.log.Info("configuration reloaded", "because", why, "pipelines", got.Pipelines, "streams", got.Streams,
			"schedule", got.Schedule, "restarted", got.Restarted, "need_restart", got.NeedRestart)
		for _, w := range p.State().File.Warnings {
			p.log.Warn(shown(w).String())
		}
	}
}
