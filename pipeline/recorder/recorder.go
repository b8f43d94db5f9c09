package recorder

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gospool/spool/pipeline"
)

// Declared is a pipeline with the streams that it is for.
type Declared struct {
	Plan    *pipeline.Plan
	Streams []pipeline.Glob
	Mode    pipeline.Mode
}

// Covers reports whether the pipeline is for a stream.
func (d *Declared) Covers(stream string) bool {
	return slices.ContainsFunc(d.Streams, func(g pipeline.Glob) bool { return g.Match(stream) })
}

// Directory knows the streams; the hub is one.
type Directory interface {
	Live(path string) bool       // it has a publisher
	Configured(path string) bool // the configuration names it
}

// The errors of Start.
var (
	ErrUnknownStream = errors.New("no such stream: nobody publishes it and the configuration does not name it")
	ErrNoPipeline    = errors.New("no pipeline of the configuration records this stream")
)

// StartOptions refine a start.
type StartOptions struct {
	Wait     bool          // arm the recording for a stream that is not there yet
	Duration time.Duration // stop by itself after this long with a publisher; 0 is never
}

// Recorder starts and stops the recordings of the declared pipelines: one job a
// pipeline and stream. It is safe for concurrent use.
type Recorder struct {
	env      pipeline.Env
	tasks    *pipeline.Tasks
	dir      Directory
	declared []Declared
	limit    time.Duration // for one stop

	generation atomic.Uint64 // counted up, with mu held, when declared or the set of jobs changes

	mu      sync.Mutex
	jobs    map[jobKey]*recording
	left    map[jobKey]*pipeline.Kept // of a job that has ended, for the one that begins in its place
	last    map[string]JobStatus      // of each stream's last job that has ended
	halted  map[string]bool           // streams that were stopped by hand: always waits for a start
	stopped map[string]time.Time      // when they were, until a start by hand
	spent   map[jobKey]time.Time      // begin of the window in which a scheduled job ended by itself
	held    map[string]bool           // pipelines that begin nothing
	armed   int                       // jobs that wait for a stream because of a trigger
	closed  bool
}

type jobKey struct{ pipeline, stream string }

type recording struct {
	*Job
	mode     pipeline.Mode
	duration time.Duration // still to be timed, when a publisher comes
	until    time.Time     // when its duration is over; zero: it has none, or is not timed yet
	again    bool          // an update ends it, and it begins anew
	claims
}

// New makes a recorder without jobs. A stop may take as long as limit.
func New(env pipeline.Env, tasks *pipeline.Tasks, dir Directory, declared []Declared, limit time.Duration) *Recorder {
	return &Recorder{
		env: env, tasks: tasks, dir: dir, declared: declared, limit: limit,
		jobs: map[jobKey]*recording{}, left: map[jobKey]*pipeline.Kept{}, last: map[string]JobStatus{}, halted: map[string]bool{},
		stopped: map[string]time.Time{}, spent: map[jobKey]time.Time{}, held: map[string]bool{},
	}
}

// Start records a stream with every pipeline that covers it and is started by
// hand or always. It reports whether all of them recorded it already.
func (r *Recorder) Start(stream string, o StartOptions) (already bool, err error) {
	if err := pipeline.CheckPath(stream); err != nil {
		return false, err
	}
	if !o.Wait && !r.dir.Live(stream) && !r.dir.Configured(stream) {
		return false, fmt.Errorf("%s: %w", stream, ErrUnknownStream)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.halted, stream)
	delete(r.stopped, stream)
	covered, began := false, false
	for i := range r.declared {
		if d := &r.declared[i]; d.Mode != pipeline.Event && d.Covers(stream) {
			covered = true
			fresh := r.begin(d, stream, o.Duration, pipeline.AnyPublisher)
			began = fresh || began
			if j := r.jobs[jobKey{d.Plan.Name, stream}]; j != nil && (fresh || o.Duration == 0) {
				j.hand = true
			}
		}
	}
	if !covered {
		return false, fmt.Errorf("%s: %w", stream, ErrNoPipeline)
	}
	return !began, nil
}

// Stop ends the recordings of a stream and waits until their files are
// finished. It reports whether there was one. What waits for events stays armed.
func (r *Recorder) Stop(ctx context.Context, stream string) (was bool, err error) {
	return r.StopFor(ctx, stream, pipeline.ReasonStop)
}

// StopFor is Stop for another reason than somebody's wish.
func (r *Recorder) StopFor(ctx context.Context, stream, reason string) (was bool, err error) {
	jobs := r.halt(stream)
	for _, j := range jobs {
		j.requestStop(reason)
	}
	for _, j := range jobs {
		err = errors.Join(err, j.Stop(ctx, reason))
	}
	return len(jobs) > 0, err
}

func (r *Recorder) halt(stream string) []*recording {
	r.mu.Lock()
	defer r.mu.Unlock()
	var jobs []*recording
	for key, j := range r.jobs {
		if key.stream == stream && j.mode != pipeline.Event {
			jobs = append(jobs, j)
		}
	}
	if len(jobs) > 0 {
		r.halted[stream] = true
		r.stopped[stream] = wallNow(r.env.Clock)
	}
	return jobs
}

// Began is told every stream that has got a publisher: what is always recorded
// begins, what waits for events is armed, and lengths that were asked for begin
// to count. It does not wait.
func (r *Recorder) Began(stream string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.beginAlways(stream, pipeline.PresentPublisher)
	for key, j := range r.jobs {
		if key.stream == stream && j.duration > 0 {
			r.stopAfter(j)
		}
	}
}

// StartAlways begins what is always recorded of a configured stream and arms
// what waits for events, before anybody publishes it: a stream that is pulled is
// connected by this.
func (r *Recorder) StartAlways(stream string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.beginAlways(stream, pipeline.AnyPublisher)
}

func (r *Recorder) beginAlways(stream string, of pipeline.Publishers) {
	for i := range r.declared {
		if d := &r.declared[i]; d.Mode != pipeline.Manual && (d.Mode == pipeline.Event || !r.halted[stream]) && d.Covers(stream) {
			r.begin(d, stream, 0, r.unlessConfigured(stream, of))
		}
	}
}

// unlessConfigured is AnyPublisher for a stream of the configuration: it is expected
// to come back.
func (r *Recorder) unlessConfigured(stream string, of pipeline.Publishers) pipeline.Publishers {
	if r.dir.Configured(stream) {
		return pipeline.AnyPublisher
	}
	return of
}

// begin starts a job unless there is one. The caller holds r.mu.
func (r *Recorder) begin(d *Declared, stream string, duration time.Duration, of pipeline.Publishers) bool {
	key := jobKey{d.Plan.Name, stream}
	if r.closed || r.held[d.Plan.Name] || r.jobs[key] != nil {
		return false
	}
	env := r.env
	if env.Kept = r.left[key]; env.Kept == nil {
		env.Kept = &pipeline.Kept{}
	}
	delete(r.left, key)
	env.Mode, env.For = d.Mode, of
	j := &recording{Job: newJob(d.Plan, env, stream, r.limit), mode: d.Mode, duration: duration}
	r.jobs[key] = j
	r.generation.Add(1)
	r.tasks.Go("record "+d.Plan.Name+" "+stream, func(ctx context.Context) error {
		defer close(j.done) // after the job is forgotten: who waited may start anew
		defer r.ended(key)
		return j.loop(ctx)
	})
	if duration > 0 && r.dir.Live(stream) {
		r.stopAfter(j)
	}
	return true
}

// stopAfter begins to count a job's length. The caller holds r.mu.
func (r *Recorder) stopAfter(j *recording) {
	length := j.duration
	j.duration, j.until = 0, r.env.Clock.Now().Add(length)
	r.tasks.Go("duration "+j.plan.Name+" "+j.stream, func(ctx context.Context) error {
		c, stop := r.env.Clock.After(length)
		defer stop()
		select {
		case <-c:
			j.requestStop(pipeline.ReasonDuration)
		case <-j.done:
		case <-ctx.Done():
		}
		return nil
	})
}

// ended forgets a job. A publisher that came while it was draining is not
// missed: what is always recorded begins again.
func (r *Recorder) ended(key jobKey) {
	r.mu.Lock()
	defer r.mu.Unlock()
	j := r.jobs[key]
	delete(r.jobs, key)
	r.generation.Add(1)
	r.remember(j.Status())
	r.left[key] = j.env.Kept
	r.noteEnd(key, j)
	r.renew(key, j)
	if j.mode != pipeline.Manual && !r.closed && r.dir.Live(key.stream) {
		r.beginAlways(key.stream, pipeline.PresentPublisher)
	}
	if kept := r.left[key]; kept != nil { // no job began in its place
		delete(r.left, key)
		kept.Close()
	}
}

// maxLast bounds the streams whose last job is remembered.
const maxLast = 1000

// remember keeps how a job ended. Past the bound another stream is forgotten.
func (r *Recorder) remember(s JobStatus) {
	if _, known := r.last[s.Stream]; !known && len(r.last) >= maxLast {
		for stream := range r.last {
			delete(r.last, stream)
			break
		}
	}
	r.last[s.Stream] = s
}

// Last describes the job of a stream that ended last: what it wrote, what it
// left out, and its last error.
func (r *Recorder) Last(stream string) (s JobStatus, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, ok = r.last[stream]
	return s, ok
}

// Status describes every job of a stream, by pipeline.
func (r *Recorder) Status(stream string) []JobStatus {
	var out []JobStatus
	for _, j := range r.list() {
		if j.stream == stream {
			out = append(out, j.Status())
		}
	}
	return out
}

// Jobs describes every job, by stream and pipeline.
func (r *Recorder) Jobs() []JobStatus {
	jobs := r.list()
	out := make([]JobStatus, len(jobs))
	for i, j := range jobs {
		out[i] = j.Status()
	}
	return out
}

// Recording lists the streams that have a job; of those that wait for events,
// the ones that record one.
func (r *Recorder) Recording() []string {
	out := []string{}
	for _, j := range r.list() {
		if j.mode != pipeline.Event || j.Status().Report.Recording {
			out = append(out, j.stream)
		}
	}
	return slices.Compact(out)
}

func (r *Recorder) list() []*recording {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]*recording, 0, len(r.jobs))
	for _, j := range r.jobs {
		out = append(out, j)
	}
	slices.SortFunc(out, func(a, b *recording) int {
		if a.stream != b.stream {
			return strings.Compare(a.stream, b.stream)
		}
		return strings.Compare(a.plan.Name, b.plan.Name)
	})
	return out
}

// Shutdown stops every job at once and waits for all of them. After it nothing
// is started.
func (r *Recorder) Shutdown(ctx context.Context) error {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	jobs := r.list()
	for _, j := range jobs {
		j.requestStop(pipeline.ReasonShutdown)
	}
	var err error
	for _, j := range jobs {
		err = errors.Join(err, j.Stop(ctx, pipeline.ReasonShutdown))
	}
	return err
}
