package harness

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/gospool/spool/bench/movie"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata"
	_ "github.com/gospool/spool/stages" // registers source, gop_ring and segmenter
	"github.com/gospool/spool/stages/hub"
)

// recorder holds the parts of a recorder that a pipeline round measures in this process: the hub, the catalogue, and a
// pipeline with all stages that a recording needs.
type recorder struct {
	pool  *media.Pool
	tasks *pipeline.Tasks
	hub   *hub.Hub
	cat   *metadata.Catalogue
	env   pipeline.Env
	plan  *pipeline.Plan
}

// openRecorder opens a recorder for the case, with its files in dir, and waits until it is ready.
func openRecorder(ctx context.Context, dir string, c Case, m *movie.Movie, pool *media.Pool) (*recorder, error) {
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	r := &recorder{pool: pool, tasks: pipeline.NewTasks(log, pipeline.SystemClock)}
	r.hub = hub.New(pool, r.tasks, hub.Config{Builder: media.BuilderConfig{Flush: c.Flush, MaxBytes: c.Bytes}, Log: log})
	var err error
	r.cat, err = metadata.Open(ctx, metadata.OpenOptions{
		Driver: "sqlite", DSN: filepath.Join(dir, "bench.db"), JournalDir: filepath.Join(dir, "journal"),
		Node: "bench", Log: log, Clock: pipeline.SystemClock, Tasks: r.tasks,
	})
	if err != nil {
		return nil, err
	}
	r.env = pipeline.Env{Services: &pipeline.Services{}, Log: log, Clock: pipeline.SystemClock}
	pipeline.Provide(r.env.Services, pool)
	pipeline.Provide(r.env.Services, r.hub)
	pipeline.Provide(r.env.Services, r.cat)
	stages := config.FromAny([]any{
		map[string]any{"source": map[string]any{}},
		map[string]any{"gop_ring": map[string]any{}},
		map[string]any{"segmenter": map[string]any{"max_duration": (m.Length + time.Minute).String()}},
		map[string]any{"mp4": map[string]any{
			"record_path": dir, "fragment": c.Format == "fmp4", "fragment_duration": c.Fragment.String(), "sync": c.Sync,
		}},
		map[string]any{"metadata": map[string]any{}},
	}, "bench", nil)
	plan, problems := pipeline.Compile("bench", stages)
	r.plan = plan
	if err := problems.Err(); err != nil {
		return r, err
	}
	return r, until(ctx, func() bool { return r.cat.Ready(ctx) == nil }) // its tables are made in the background
}

// until waits until done returns true, and calls it once a millisecond. It returns the cause of ctx if ctx ends first.
func until(ctx context.Context, done func() bool) error {
	for !done() {
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

func (r *recorder) close() error {
	r.hub.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return errors.Join(r.cat.Close(ctx), r.tasks.Stop(ctx))
}

// backlogBytes is the memory of chunks, per stream, at which feed waits. feed publishes as fast as possible: without
// this limit the recorder would drop access units.
const backlogBytes = 6 << 20

// record records all streams of the case at once, and returns when their files are complete.
func (r *recorder) record(ctx context.Context, c Case, m *movie.Movie) error {
	var feeding sync.WaitGroup
	errs := make([]error, c.Streams)
	for i := range c.Streams {
		path := fmt.Sprintf("bench/%04d", i+1)
		feeding.Go(func() { errs[i] = r.one(ctx, path, m, int64(c.Streams)*backlogBytes) })
	}
	feeding.Wait()
	return errors.Join(errs...)
}

// one publishes the movie m as the stream path and records it. It returns an error unless all access units were
// recorded. It publishes no more while the chunks of all streams take more than most bytes of memory.
func (r *recorder) one(ctx context.Context, path string, m *movie.Movie, most int64) error {
	run, err := r.plan.Build(r.env, path, nil)
	if err != nil {
		return err
	}
	if err := run.Start(ctx); err != nil {
		return err
	}
	if err = r.awaited(ctx, path); err == nil {
		err = r.feed(ctx, path, m, most)
	}
	if err != nil {
		run.Abort(err)
	}
	<-run.Done()
	if err := errors.Join(err, run.Err()); err != nil {
		return err
	}
	if rep := run.Report(); len(rep.Drops) > 0 || rep.AccessUnits != uint64(m.Units) {
		return fmt.Errorf("%s: %d of %d access units were recorded: %+v", path, rep.AccessUnits, m.Units, rep.Drops)
	}
	return nil
}

// awaited waits until the pipeline's run has subscribed to the stream path. If the publisher began earlier, the
// beginning of its media would not be recorded.
func (r *recorder) awaited(ctx context.Context, path string) error {
	return until(ctx, func() bool {
		return slices.ContainsFunc(r.hub.List(), func(s media.StreamInfo) bool { return s.Path == path && s.Subscribers > 0 })
	})
}

// feed publishes the movie as the stream path. It waits while the chunks of all streams take more than most bytes.
func (r *recorder) feed(ctx context.Context, path string, m *movie.Movie, most int64) error {
	pub, err := r.hub.Publish(path, hub.PublishOptions{Origin: "bench"})
	if err != nil {
		return err
	}
	defer pub.Close(endcause.EndOfFile)
	if err := pub.SetTracks(m.Tracks); err != nil {
		return err
	}
	return m.Each(func(track int, au *media.AU) error {
		for r.pool.Memory() > most {
			select {
			case <-time.After(500 * time.Microsecond):
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		return pub.Write(track, au)
	})
}
