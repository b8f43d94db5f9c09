package record

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/recorder"
	"github.com/gospool/spool/pipeline/streampath"
	"github.com/gospool/spool/sinks/mp4"
	"github.com/gospool/spool/stages/hub"
)

// recording is the recording of one stream.
type recording struct {
	stream   string
	log      *slog.Logger
	tasks    *pipeline.Tasks
	hub      *hub.Hub
	recorder *recorder.Recorder
	files    files
	seen     progress

	lastLive time.Time // when the stream was last seen live, or when the recording began
	stopOnce sync.Once
}

// poolBytes is the free memory that is kept for reuse.
const poolBytes = 64 << 20

// open makes the parts of a recording, and starts nothing. An error means that the command line is wrong.
func (c *Command) open(log *slog.Logger) (*recording, error) {
	r := &recording{stream: streamOf(c.Source), log: log}
	plan, err := c.plan()
	if err != nil {
		return nil, err
	}
	all, err := streampath.ParseGlobs([]string{"**"})
	if err != nil {
		return nil, err
	}
	pool := media.NewPool(poolBytes)
	r.tasks = pipeline.NewTasks(log, pipeline.SystemClock)
	r.hub = hub.New(pool, r.tasks, hub.Config{ReconnectGrace: max(c.Wait, time.Millisecond), Log: log})
	err = r.hub.Configure(r.stream, hub.StreamConfig{Pull: c.Source, Transport: c.Transport, Fingerprint: c.Fingerprint})
	if err != nil {
		r.close()
		return nil, errors.New(strings.TrimPrefix(err.Error(), "stream "+r.stream+": "))
	}
	env := pipeline.Env{Services: &pipeline.Services{}, Log: log, Clock: pipeline.SystemClock}
	pipeline.Provide(env.Services, pool)
	pipeline.Provide(env.Services, r.hub)
	pipeline.Provide[mp4.Standalone](env.Services, true)
	pipeline.Provide[mp4.Growth](env.Services, &r.files)
	r.recorder = recorder.New(env, r.tasks, r.hub, []recorder.Declared{{Plan: plan, Streams: all, Mode: pipeline.ModeManual}}, stopTime)
	r.hub.KeepGOPs(r.recorder)
	r.hub.Watch(r.recorder.PublisherCame)
	return r, nil
}

func (r *recording) start(duration time.Duration) error {
	r.lastLive = time.Now()
	_, err := r.recorder.Start(r.stream, recorder.StartOptions{Duration: duration})
	return err
}

// ended reports whether the recording has ended.
func (r *recording) ended() bool { return len(r.recorder.Status(r.stream)) == 0 }

// stop makes the recording end after the newest access unit. It does not wait.
func (r *recording) stop(reason string) {
	r.stopOnce.Do(func() {
		r.tasks.Go("stop", func(context.Context) error {
			ctx, cancel := within(stopTime)
			defer cancel()
			_, err := r.recorder.StopFor(ctx, r.stream, reason)
			return err
		})
	})
}

// close ends all that is open.
func (r *recording) close() {
	ctx, cancel := within(stopTime)
	defer cancel()
	r.hub.Close()
	if r.recorder != nil {
		_ = r.recorder.Shutdown(ctx)
	}
	_ = r.tasks.Stop(ctx)
}

// look updates the progress.
func (r *recording) look() {
	status, _ := r.recorder.Stream(r.stream)
	r.seen.update(&status.Report)
	if r.hub.Live(r.stream) {
		r.lastLive = time.Now()
	}
}

// awayFor returns the time since the stream was last live, or since the recording began.
func (r *recording) awayFor(now time.Time) time.Duration { return now.Sub(r.lastLive) }

// whyAway returns why the source is not there.
func (r *recording) whyAway() error {
	info, _ := r.hub.Info(r.stream)
	if info.LastError != "" {
		return errors.New(info.LastError)
	}
	return errors.New("it sends nothing that can be recorded")
}

// summary prints the files, and returns the error with which the command ends. lost is the reason why the source was
// given up, or nil.
func (r *recording) summary(out io.Writer, lost error) error {
	done := r.files.list()
	for _, f := range done {
		fmt.Fprintf(out, "%s: %d bytes\n", f.name, f.bytes)
	}
	for _, w := range r.seen.warnings {
		r.log.Warn(w)
	}
	last, _ := r.recorder.Last(r.stream)
	switch {
	case lost != nil && len(done) == 0:
		return fmt.Errorf("nothing was recorded: %w", lost)
	case lost != nil:
		return fmt.Errorf("the source was lost: %w", lost)
	case last.LastError != "":
		return errors.New(last.LastError)
	case len(done) == 0:
		return errors.New("nothing was recorded: no key frame came")
	}
	fmt.Fprintln(out, r.seen.text(0))
	return nil
}
