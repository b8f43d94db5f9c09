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

// Declared is a pipeline with patterns of the streams that it covers.
type Declared struct {
	Plan    *pipeline.Plan
	Streams streampath.Globs
	Mode    pipeline.Mode
}

// Covers reports whether the pipeline covers a stream, that is, may record it.
func (d *Declared) Covers(stream string) bool {
	return d.Mode != pipeline.ModeWatched && d.Streams.Match(stream)
}

// Directory reports which streams exist; the hub implements it.
type Directory interface {
	Live(path string) bool       // the stream has a publisher
	Configured(path string) bool // the configuration names the stream
}

// The errors of Start.
var (
	ErrUnknownStream = errors.New("no such stream: it has no publisher, and the configuration does not name it")
	ErrNoPipeline    = errors.New("no pipeline of the configuration records this stream")
)

// StartOptions are the options of Start.
type StartOptions struct {
	Wait bool // arm the stream if it has no publisher and the configuration does not name it
	// Duration is the time, counted from the first publisher, after which the recording stops; 0 is no limit.
	Duration time.Duration
}

// Recorder starts and stops the recordings of the declared pipelines. It has at most one job for each pair of
// pipeline and stream. It is safe for concurrent use.
type Recorder struct {
	env   pipeline.Env
	tasks *pipeline.Tasks
	dir   Directory
	limit time.Duration // time limit of a stop

	// generation is increased, with mu held, when declared or the set of jobs changes.
	generation atomic.Uint64

	mu       sync.Mutex // guards the following fields
	declared []Declared
	streams  map[string]*streamState // streams with a job or with state to remember, by path
	held     map[string]bool         // held pipelines, by name
	ended    int                     // number of streams whose streamState.last is not nil
	stops    int                     // number of streams whose streamState.stopped is not zero
	arming   Arming                  // the field Most is set by LimitArmed and does not change
	// Shutdown was called
	closed bool
}

// New returns a recorder without jobs. limit is the time in which a job must end after a request to stop: its
// run drains, and is aborted after three quarters of limit (see pipeline.Run.Stop).
func New(env pipeline.Env, tasks *pipeline.Tasks, dir Directory, declared []Declared, limit time.Duration) *Recorder {
	return &Recorder{
		env: env, tasks: tasks, dir: dir, declared: declared, limit: limit,
		streams: map[string]*streamState{}, held: map[string]bool{},
	}
}

// Start records a stream with each pipeline of mode manual or always that covers it and is not held. already is
// true if all these pipelines record it already. The error wraps ErrUnknownStream, ErrNoPipeline, a *HeldError
// if all pipelines are held, or an *ArmedError.
func (r *Recorder) Start(stream string, o StartOptions) (already bool, err error) {
	if err := streampath.Check(stream); err != nil {
		return false, err
	}
	if !o.Wait && !r.dir.Live(stream) && !r.dir.Configured(stream) {
		return false, fmt.Errorf("%s: %w", stream, ErrUnknownStream)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.startedByHand(stream) // also if the pipelines are held, so that a client's stop has no effect after Resume
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

// Stop ends the jobs of mode manual and always of a stream, and waits until their files are finished, or until
// ctx ends. was reports whether there was such a job; pipelines of mode always then record the stream only
// after a Start. Jobs of mode event continue.
func (r *Recorder) Stop(ctx context.Context, stream string) (was bool, err error) {
	return r.StopFor(ctx, stream, endcause.Stop)
}

// StopFor ends the recordings of a stream as Stop does. reason is the cause that the files record, see package
// endcause.
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

// startedByHand removes a client's stop of a stream, because a client starts the stream again. The caller holds
// r.mu.
func (r *Recorder) startedByHand(stream string) {
	if s := r.streams[stream]; s != nil {
		s.halted = false
		r.setStopped(s, time.Time{})
		r.forget(s)
	}
}

// PublisherCame must be called for each stream that gets a publisher. It begins the jobs of the stream's
// pipelines of mode always and event. A requested duration counts from the first call after the start of
// its job. PublisherCame does not wait.
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

// StartAlways begins the jobs of the pipelines of mode always and event for a configured stream before it has a
// publisher. For a stream with a pull URL, this makes spool connect to that URL.
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

// unlessConfigured returns AnyPublisher for a configured stream, because its publisher is expected to return.
// For any other stream it returns the argument of.
func (r *Recorder) unlessConfigured(stream string, of pipeline.Publishers) pipeline.Publishers {
	if r.dir.Configured(stream) {
		return pipeline.AnyPublisher
	}
	return of
}

// begin starts a job of the pipeline d for a stream and returns true, unless a job exists, the pipeline is held
// or the recorder is closed. duration is the requested duration; 0 is no limit. of becomes Env.For of the job.
// The caller holds r.mu.
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
	d.Plan.Prepare(env, stream)
	j := &activeJob{Job: newJob(d.Plan, env, stream, r.limit), mode: d.Mode, duration: duration}
	rec.job = j
	j.waitsAgain = func() bool { return r.waitsAgain(j) }
	r.generation.Add(1)
	r.tasks.Go("record "+d.Plan.Name+" "+stream, func(ctx context.Context) error {
		defer close(j.done) // closed after end, so that a caller that waited can start another job
		defer r.end(rec)
		return j.loop(ctx)
	})
	if duration > 0 && r.dir.Live(stream) {
		r.stopAfter(j)
	}
	return true
}

// stopAfter stops a job once its requested duration, counted from this call, has passed. It does not wait. The
// caller holds r.mu.
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

// end removes the job of rec, which has ended. It begins the job again if Update ended it for a changed
// pipeline. It also begins the pipelines of mode always and event again if the stream has a publisher, which
// may have come while the job was draining.
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
	r.readOn(rec, j)
	if rec.left != nil { // no job that renew or beginAlways began has taken the handover
		rec.left.Close()
		rec.left = nil
	}
	if !r.isRecorded(j.stream) {
		r.disarmed(rec.of)
	}
	r.forget(rec.of)
}

// readOn begins a job for the media that the job old has left: that of a publisher that came and left while old
// finished its files. A job that was stopped has recorded that media itself. The caller holds r.mu.
func (r *Recorder) readOn(rec *recording, old *activeJob) {
	if old.mode == pipeline.ModeManual || old.isStopping() || !rec.left.Pending() {
		return
	}
	d := byName(r.declared)[rec.pipeline]
	if d == nil || d.Mode != old.mode || !d.Covers(old.stream) || d.Mode == pipeline.ModeAlways && r.isHalted(old.stream) {
		return
	}
	r.begin(d, old.stream, 0, r.unlessConfigured(old.stream, pipeline.PresentPublisher))
}

// Shutdown stops all jobs at once and waits for their end. After it, the recorder starts no job.
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
