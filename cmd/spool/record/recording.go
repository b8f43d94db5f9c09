package record

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
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
	ended    chan struct{} // closed when the recording has ended
	files    files
	seen     progress

	lastLive time.Time // when the stream was last seen live, or when the recording began
	stopOnce sync.Once
}

// poolBytes is the free memory that is kept for reuse.
const poolBytes = 64 << 20

// open makes the parts of a recording, and starts nothing. An error means that the command line is wrong.
func (c *Command) open(log *slog.Logger) (*recording, error) {
	r := &recording{stream: streamOf(c.Source), log: log, ended: make(chan struct{})}
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

// single reports whether Out names one file.
func (c *Command) single() bool { return c.Out != "" && !strings.Contains(c.Out, "{") }

// plan compiles the pipeline that writes the files.
func (c *Command) plan() (*pipeline.Plan, error) {
	dir, pattern := filepath.Split(c.Out)
	if at := strings.Index(c.Out, "{"); at >= 0 { // directories below the first placeholder belong to the pattern
		dir = c.Out[:strings.LastIndex(c.Out[:at], "/")+1]
		pattern = c.Out[len(dir):]
	}
	if c.Out == "" {
		pattern = "{stream}_{date}_{time}.mp4"
	}
	stages := config.FromAny([]any{
		map[string]any{"source": map[string]any{}},
		map[string]any{"segmenter": map[string]any{"max_duration": c.Segment.String(), "max_size": 0}},
		map[string]any{"mp4": map[string]any{
			"record_path": filepath.Clean(dir), "filename_pattern": pattern, "fragment": c.Fragment, "file_mode": "0644", "dir_mode": "0755",
		}},
		map[string]any{"null": map[string]any{}},
	}, "record", nil)
	plan, problems := pipeline.Compile("record", stages)
	return plan, problems.Err()
}

// streamOf returns the name of the stream of a URL, for the names of files: the end of its path, or else its host.
func streamOf(source string) string {
	u, err := url.Parse(source)
	if err != nil {
		return "recording"
	}
	for _, name := range []string{strings.TrimSuffix(path.Base(u.Path), path.Ext(u.Path)), u.Hostname()} {
		if streampath.Check(name) == nil {
			return name
		}
	}
	return "recording"
}

func (r *recording) start(duration time.Duration) error {
	r.lastLive = time.Now()
	_, err := r.recorder.Start(r.stream, recorder.StartOptions{Duration: duration})
	if err != nil {
		return err
	}
	r.tasks.Go("record", func(ctx context.Context) error {
		for pipeline.Sleep(ctx, pipeline.SystemClock, watchEvery, nil) {
			if len(r.recorder.Status(r.stream)) == 0 {
				break
			}
		}
		close(r.ended)
		return nil
	})
	return nil
}

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
