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

// Begin starts the task that runs the schedule, and the tasks that reload on SIGHUP and when the
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

// settle is the time for which the configuration file must stay unchanged before it is read, because
// editors write a file in several steps. A file that could not be read is tried again every unreadEvery.
const (
	settle      = 200 * time.Millisecond
	unreadEvery = 5 * time.Second
)

// watch reloads when the content of the configuration file has changed, and when the file was written
// after a refused reload. A file that cannot be read is a refused reload, which is logged once. watch
// returns nil when ctx ends, and an error if the file can no longer be watched. It watches the
// directory of the file, because editors and Kubernetes replace a file instead of writing to it.
func (p *Set) watch(ctx context.Context, file string) error {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return err
	}
	defer w.Close()
	seen, _ := config.ReadFile(file)
	dir, unread := filepath.Dir(file), ""
	if err := w.Add(dir); err != nil {
		return err
	}
	settled, stop := p.clock.After(settle) // finds a change that was made between the ReadFile above and w.Add
	defer func() { stop() }()
	for {
		select {
		case e := <-w.Events:
			if base := filepath.Base(e.Name); base == filepath.Base(file) || base == mountedData || e.Name == dir {
				stop()
				settled, stop = p.clock.After(settle)
			}
		case <-settled:
			text, err := config.ReadFile(file)
			if err != nil {
				if unread != err.Error() {
					unread = err.Error()
					p.reloadUnread(ctx, err)
				}
				settled, stop = p.clock.After(unreadEvery)
				continue
			}
			if unread != "" {
				unread = ""
				if err := w.Add(dir); err != nil { // the directory may have been replaced
					return err
				}
			}
			if !bytes.Equal(text, seen) || p.isRefused() {
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

// mountedData is the name of the symbolic link that Kubernetes replaces when the files of a mounted
// volume change.
const mountedData = "..data"

// reloadUnread refuses the reload of a file that cannot be read, and logs a warning with why, the error
// of the read.
func (p *Set) reloadUnread(ctx context.Context, why error) {
	if _, err := p.reload(ctx); err != nil {
		p.log.Warn("the configuration file cannot be read: the previous configuration runs on, and a restart would fail",
			"error", why, "hint", "put the file back, or make it readable for spool's user")
	}
}

// reloadAndLog reloads and logs the result. why is the reason of the reload, for the log. Errors of
// recordings that the reload ends are logged by apply.
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
