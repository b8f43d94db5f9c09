package recorder

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
)

// JobState is the state of a Job.
type JobState string

// The states of a job.
const (
	JobRunning  JobState = "running"
	JobBackoff  JobState = "backoff" // a run failed, and the next attempt follows after a wait
	JobStopping JobState = "stopping"
	JobEnded    JobState = "ended"
)

// Job keeps one pipeline running for one stream. If a run fails, the job runs the pipeline again after a
// backoff. If the publisher is lost, it runs the pipeline again only if Env.For is pipeline.AnyPublisher. The
// job ends when it is stopped, and when a run ends without an error for another reason, such as the end of a
// file. A stopped job first records the media that a run left for the next one (see pipeline.Handover.Pending):
// a publisher may have come while that run finished its files.
type Job struct {
	plan   *pipeline.Plan
	env    pipeline.Env
	stream string
	limit  time.Duration // time limit of a stop

	// waitsAgain is called when the publisher has left and another may come. The job ends if it returns false.
	// If it is nil, the job waits.
	waitsAgain func() bool

	stopOnce sync.Once
	stopping chan struct{} // closed by the first request to stop
	reason   string        // reason of the stop; set before stopping is closed
	stopBy   time.Time     // end of the time limit of the stop; set before stopping is closed
	done     chan struct{}

	mu       sync.Mutex // guards the following fields
	state    JobState
	run      *pipeline.Run      // current run; nil between two runs
	waiting  []pipeline.Trigger // triggers for the next run
	since    time.Time          // begin of the job
	runs     int                // number of runs that started
	failures int
	failing  time.Time       // see JobStatus.FailingSince
	err      error           // error of the last failed run
	last     pipeline.Report // report of the previous run
	stopErr  error           // error of the last run; nil if it drained
}

func newJob(plan *pipeline.Plan, env pipeline.Env, stream string, limit time.Duration) *Job {
	return &Job{
		plan: plan, env: env, stream: stream, limit: limit,
		stopping: make(chan struct{}), done: make(chan struct{}),
		state: JobRunning, since: env.Clock.Now(),
	}
}

// Stop ends the job for a reason. It waits until the files are finished, or until ctx ends. It returns the error
// of the last run if that run did not drain, and the cause of ctx if ctx ends first.
func (j *Job) Stop(ctx context.Context, reason string) error {
	j.requestStop(reason)
	select {
	case <-j.done:
		return j.stopErr
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (j *Job) requestStop(reason string) {
	j.requestStopWithin(reason, 0)
}

// requestStopWithin requests a stop with a time limit of its own; 0 means the job's limit. It does not wait.
func (j *Job) requestStopWithin(reason string, patience time.Duration) {
	j.stopOnce.Do(func() {
		j.reason, j.stopBy = reason, j.env.Clock.Now().Add(cmp.Or(patience, j.limit))
		close(j.stopping)
	})
}

// stopLimit returns the rest of the time limit of the requested stop.
func (j *Job) stopLimit() time.Duration { return j.stopBy.Sub(j.env.Clock.Now()) }

func (j *Job) isStopping() bool {
	select {
	case <-j.stopping:
		return true
	default:
		return false
	}
}

// Done returns a channel that closes when the job has ended.
func (j *Job) Done() <-chan struct{} { return j.done }

// loop runs the job until it ends, and returns nil. The end of ctx aborts the current run.
func (j *Job) loop(ctx context.Context) error {
	var after *pipeline.Ended
	var final error // error of the last run; nil if the job ended while it waited for the next
	retry := pipeline.Retry{Clock: j.env.Clock, Early: j.stopping, Failed: func(err error, wait time.Duration) {
		final = nil
		j.failed(err, wait)
	}}
	retry.Run(ctx, func() (last bool, err error) {
		if after != nil && j.isStopping() && (after.Err != nil || !j.readsOn()) {
			return true, nil
		}
		ended := j.attempt(ctx, after)
		after, final = ended.Behind(after), ended.Err
		return j.over(ctx, ended), final
	})
	j.finish(final)
	return nil
}

// attempt builds the pipeline and runs it once, until the end of the run. after is the previous run, or nil. The
// source may wait for a publisher first.
func (j *Job) attempt(ctx context.Context, after *pipeline.Ended) pipeline.Ended {
	run, err := j.plan.Build(j.env, j.stream, after)
	if err == nil {
		err = run.Start(ctx)
	}
	if err != nil {
		return pipeline.Ended{Err: err, At: j.env.Clock.Now()}
	}
	j.mu.Lock()
	j.begun(run)
	j.state = JobRunning
	j.runs++
	j.mu.Unlock()
	select {
	case <-run.Done():
		err = run.Err()
	case <-j.stopping:
		j.set(JobStopping)
		err = run.Stop(j.reason, j.stopLimit())
	case <-ctx.Done():
		err = run.AbortWithin(context.Cause(ctx), j.limit)
	}
	j.mu.Lock()
	j.run, j.last = nil, run.Report()
	written := j.last.LastWritten
	j.mu.Unlock()
	return pipeline.Ended{Reason: run.Reason(), Err: err, At: j.env.Clock.Now(), Written: written}
}

// over reports whether the job ends after the run e.
func (j *Job) over(ctx context.Context, e pipeline.Ended) bool {
	switch {
	case ctx.Err() != nil:
		return true
	case j.isStopping():
		return e.Err != nil || !j.readsOn()
	case e.Err != nil:
		return false
	}
	lost := e.Reason == endcause.SourceLost || e.Reason == endcause.Replaced
	if !lost || j.env.For != pipeline.AnyPublisher {
		return true
	}
	return j.waitsAgain != nil && !j.env.Handover.Pending() && !j.waitsAgain()
}

// readsOn reports whether a job that is being stopped runs once more, for the media that the previous run left.
func (j *Job) readsOn() bool {
	if !j.env.Handover.Pending() {
		return false
	}
	if j.stopLimit() > 0 {
		return true
	}
	j.env.Log.Warn("the media of a publisher that came while the previous file was finished is not recorded: the time limit of the stop is over",
		"stream", j.stream, "pipeline", j.plan.Name)
	return false
}

func (j *Job) failed(err error, wait time.Duration) {
	j.mu.Lock()
	j.state, j.err = JobBackoff, err
	if j.failures++; j.failing.IsZero() || j.last.AccessUnits > 0 {
		j.failing = j.env.Clock.Now()
	}
	j.mu.Unlock()
	j.env.Log.Error("recording failed", "pipeline", j.plan.Name, "stream", j.stream, "error", err, "again_in", wait.Round(time.Millisecond))
}

func (j *Job) finish(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.state, j.stopErr = JobEnded, err
	for _, t := range j.waiting {
		j.env.Log.Warn("an event is not recorded: the job ended before its first picture", "stream", j.stream, "pipeline", j.plan.Name, "name", t.Name, "key", t.Key)
	}
	j.waiting = nil
	if err != nil && !errors.Is(err, pipeline.ErrStopped) {
		j.err = err
	}
}

func (j *Job) set(s JobState) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.state = s
}

// JobStatus is the state of a Job at one moment.
type JobStatus struct {
	Pipeline, Stream string
	Mode             pipeline.Mode
	State            JobState
	Since            time.Time // start of the job
	// Until is the time at which the requested duration ends. It is zero if no duration was requested, or if the
	// stream has had no publisher since the request.
	Until          time.Time
	Runs, Failures int
	// FailingSince is the time of the first failure since a run last wrote media; zero before the first failure.
	// It stays when the runs succeed again.
	FailingSince time.Time
	LastError    string
	Report       pipeline.Report
	Stages       []pipeline.StageStatus // stages of the current run
}

// Status returns the state of the job. Report is that of the current run, or else that of the previous run.
func (j *Job) Status() JobStatus {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := JobStatus{
		Pipeline: j.plan.Name, Stream: j.stream, Mode: j.env.Mode, State: j.state, Since: j.since,
		Runs: j.runs, Failures: j.failures, FailingSince: j.failing, Report: j.last,
	}
	if j.err != nil {
		s.LastError = j.err.Error()
	}
	if j.run != nil {
		s.Report, s.Stages = j.run.Report(), j.run.Status()
	}
	if s.LastError == "" {
		s.LastError = s.Report.LastError
	}
	return s
}
