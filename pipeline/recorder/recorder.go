package recorder

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/streampath"
)

// Declared is a pipeline with the streams that it covers.
type Declared struct {
	Plan    *pipeline.Plan
	Streams []streampath.Glob
	Mode    pipeline.Mode
}

// Covers reports whether the pipeline covers a stream.
func (d *Declared) Covers(stream string) bool {
	return slices.ContainsFunc(d.Streams, func(g streampath.Glob) bool { return g.Match(stream) })
}

// Directory reports which streams exist; the hub implements it.
type Directory interface {
	Live(path string) bool       // the stream has a publisher
	Configured(path string) bool // the configuration names it
}

// The errors of Start.
var (
	ErrUnknownStream = errors.New("no such stream: nobody publishes it and the configuration does not name it")
	ErrNoPipeline    = errors.New("no pipeline of the configuration records this stream")
)

// StartOptions refine a start.
type StartOptions struct {
	Wait     bool          // arm a stream that has no publisher yet
	Duration time.Duration // duration with a publisher after which the recording stops; 0 is no limit
}

// Recorder starts and stops the recordings of the declared pipelines: one job a
// pipeline and stream. It is safe for concurrent use.
type Recorder struct {
	env   pipeline.Env
	tasks *pipeline.Tasks
	dir   Directory
	limit time.Duration // deadline of a stop

	generation atomic.Uint64 // increased, with mu held, when declared or the set of jobs changes

	mu       sync.Mutex // guards what follows
	declared []Declared
	streams  map[string]*streamState // streams with a job or remembered state
	held     map[string]bool         // held pipelines
	ended    int                     // number of streams with a remembered last job
	stops    int                     // number of streams stopped by request
	arming   Arming                  // Most is set once
	closed   bool
}

// New returns a recorder without jobs. limit is the deadline of a stop.
func New(env pipeline.Env, tasks *pipeline.Tasks, dir Directory, declared []Declared, limit time.Duration) *Recorder {
	return &Recorder{
		env: env, tasks: tasks, dir: dir, declared: declared, limit: limit,
		streams: map[string]*streamState{}, held: map[string]bool{},
	}
}

// Start records a stream with every pipeline of mode manual or always that covers it. It reports
// whether all of them recorded it already. It returns a *HeldError if all of them are held.
func (r *Recorder) Start(stream string, o StartOptions) (already bool, err error) {
	if err := streampath.Check(stream); err != nil {
		return false, err
	}
	if !o.Wait && !r.dir.Live(stream) && !r.dir.Configured(stream) {
		return false, fmt.Errorf("%s: %w", stream, ErrUnknownStream)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.startedByHand(stream) // also of a held stream: Resume then leaves nothing stopped
	if err := r.refusedByHold(stream, notEvent); err != nil {
		return false, fmt.Errorf("%s: %w", stream, err)
	}
	covered, began := false, false
	for i := range r.declared {
		if d := &r.declared[i]; d.Mode != pipeline.ModeEvent && d.Covers(stream) {
			covered = true
			if err := r.mayArm(stream); err != nil {
				return false, fmt.Errorf("%s: %w", stream, err)
			}
			fresh := r.begin(d, stream, o.Duration, pipeline.AnyPublisher)
			began = fresh || began
			if j := r.job(d.Plan.Name, stream); j != nil && (fresh || o.Duration == 0) {
				j.hand = true
			}
		}
	}
	if !covered {
		return false, fmt.Errorf("%s: %w", stream, ErrNoPipeline)
	}
	r.armIfUnknown(stream)
	return !began, nil
}

// Stop ends the recordings of a stream and waits until their files are finished. It reports whether
// there was one. Jobs that wait for events remain.
func (r *Recorder) Stop(ctx context.Context, stream string) (was bool, err error) {
	return r.StopFor(ctx, stream, endcause.Stop)
}

// StopFor is Stop with a reason for the files.
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

func (r *Recorder) halt(stream string) []*activeJob {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.streams[stream]
	jobs := slices.DeleteFunc(s.jobs(), func(j *activeJob) bool { return j.mode == pipeline.ModeEvent })
	if len(jobs) > 0 {
		s.halted = true
		r.setStopped(s, wallNow(r.env.Clock))
		r.forgetStops()
	}
	return jobs
}

// startedByHand ends the effect of a stop by request. The caller holds r.mu.
func (r *Recorder) startedByHand(stream string) {
	if s := r.streams[stream]; s != nil {
		s.halted = false
		r.setStopped(s, time.Time{})
		r.forget(s)
	}
}

// PublisherCame is called for every stream that gets a publisher: it begins the stream's pipelines of mode
// always and event, and starts the clock of requested durations. It does not wait.
func (r *Recorder) PublisherCame(stream string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.disarmed(r.streams[stream])
	r.beginAlways(stream, pipeline.PresentPublisher)
	for _, j := range r.streams[stream].jobs() {
		if j.duration > 0 {
			r.stopAfter(j)
		}
	}
}

// StartAlways begins the pipelines of mode always and event for a configured stream before it has a
// publisher: this connects a stream with a pull URL.
func (r *Recorder) StartAlways(stream string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.beginAlways(stream, pipeline.AnyPublisher)
}

func (r *Recorder) beginAlways(stream string, of pipeline.Publishers) {
	halted := r.isHalted(stream)
	for i := range r.declared {
		if d := &r.declared[i]; d.Mode != pipeline.ModeManual && (d.Mode == pipeline.ModeEvent || !halted) && d.Covers(stream) {
			r.begin(d, stream, 0, r.unlessConfigured(stream, of))
		}
	}
}

// unlessConfigured returns AnyPublisher for a configured stream, whose publisher is expected to
// return, else of.
func (r *Recorder) unlessConfigured(stream string, of pipeline.Publishers) pipeline.Publishers {
	if r.dir.Configured(stream) {
		return pipeline.AnyPublisher
	}
	return of
}

// begin starts a job unless one exists. The caller holds r.mu.
func (r *Recorder) begin(d *Declared, stream string, duration time.Duration, of pipeline.Publishers) bool {
	if r.closed || r.held[d.Plan.Name] {
		return false
	}
	rec := r.recording(d.Plan.Name, stream)
	if rec.job != nil {
		return false
	}
	env := r.env
	env.Mode, env.For = d.Mode, of
	if env.Handover, rec.left = rec.left, nil; env.Handover == nil {
		env.Handover = &pipeline.Handover{}
	}
	j := &activeJob{Job: newJob(d.Plan, env, stream, r.limit), mode: d.Mode, duration: duration}
	rec.job = j
	j.waitsAgain = func() bool { return r.waitsAgain(j) }
	r.generation.Add(1)
	r.tasks.Go("record "+d.Plan.Name+" "+stream, func(ctx context.Context) error {
		defer close(j.done) // after the job is forgotten, so that a waiting caller can start another
		defer r.end(rec)
		return j.loop(ctx)
	})
	if duration > 0 && r.dir.Live(stream) {
		r.stopAfter(j)
	}
	return true
}

// stopAfter starts the clock of a job's duration. The caller holds r.mu.
func (r *Recorder) stopAfter(j *activeJob) {
	length := j.duration
	j.duration, j.until = 0, r.env.Clock.Now().Add(length)
	r.tasks.Go("duration "+j.plan.Name+" "+j.stream, func(ctx context.Context) error {
		if pipeline.Sleep(ctx, r.env.Clock, length, j.done) {
			j.requestStop(endcause.Duration)
		}
		return nil
	})
}

// end forgets a job. It begins the pipelines of mode always and event again if a publisher came
// while the job was draining.
func (r *Recorder) end(rec *recording) {
	r.mu.Lock()
	defer r.mu.Unlock()
	j := rec.job
	rec.job, rec.left = nil, j.env.Handover
	r.generation.Add(1)
	r.remember(j.Status())
	rec.noteEnd(j)
	r.renew(rec, j)
	if j.mode != pipeline.ModeManual && !r.closed && r.dir.Live(j.stream) {
		r.beginAlways(j.stream, pipeline.PresentPublisher)
	}
	if rec.left != nil { // no job began in its place
		rec.left.Close()
		rec.left = nil
	}
	if !r.isRecorded(j.stream) {
		r.disarmed(rec.of)
	}
	r.forget(rec.of)
}

// Shutdown stops all jobs at once and waits for them. Afterwards the recorder starts nothing.
func (r *Recorder) Shutdown(ctx context.Context) error {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	jobs := r.every()
	for _, j := range jobs {
		j.requestStop(endcause.Shutdown)
	}
	var err error
	for _, j := range jobs {
		err = errors.Join(err, j.Stop(ctx, endcause.Shutdown))
	}
	return err
}
