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

// Begin starts the tasks that keep the schedule, and that reload on SIGHUP and when the
// configuration's file changes.
func (p *Set) Begin(tasks *pipeline.Tasks) {
	hangUps := make(chan os.Signal, 1)
	signal.Notify(hangUps, syscall.SIGHUP)
	tasks.Go("schedule", p.schedule.Run)
	tasks.Go("reload", func(ctx context.Context) error {
		for {
			select {
			case <-hangUps:
				p.reloadAndSay(ctx, "SIGHUP")
			case <-ctx.Done():
				return nil
			}
		}
	})
	if file := p.started.File; file != "" {
		tasks.Keep("watch configuration", pipeline.Backoff{}, func(ctx context.Context) error { return p.watch(ctx, file) })
	}
}

// settle is how long a file must have been left alone to be read: editors write
// in several steps.
const settle = 200 * time.Millisecond

// watch reloads when the file's content is another, or was written again after a refusal.
// The directory is watched and not the file, which editors and mounts put a new one in the
// place of.
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
	settled, stop := p.clock.After(settle) // at first for what changed before the watch began
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
				p.reloadAndSay(ctx, "the file changed")
			}
		case err := <-w.Errors:
			return fmt.Errorf("watching %s: %w", file, err)
		case <-ctx.Done():
			return nil
		}
	}
}

// mountedData is the link that a Kubernetes mount changes in place of its files.
const mountedData = "..data"

// reloadAndSay reloads and logs what came of it. What went wrong within it is logged
// already.
func (p *Set) reloadAndSay(ctx context.Context, why string) {
	got, err := p.reload(ctx)
	var problems config.Problems
	switch {
	case errors.As(err, &problems):
		for _, problem := range problems {
			p.log.Error("the configuration is refused, and nothing was changed", "at", problem.Pos.String(), "setting", problem.Path, "problem", problem.Msg, "hint", problem.Hint)
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
