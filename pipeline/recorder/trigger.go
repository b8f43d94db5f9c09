package recorder

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/streampath"
)

// maxWaiting bounds the triggers that wait for the next run of a job.
const maxWaiting = 256

// trigger passes a trigger to the current run. Between two runs, it keeps the trigger for the next run if
// t.WaitUntil is in the future, the pipeline makes files, and the mode is event or t.Partial is set. The errors
// are those of pipeline.Triggerer.
func (j *Job) trigger(t pipeline.Trigger) (pipeline.Triggered, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch now := j.env.Clock.Now(); {
	case j.run != nil:
		return j.run.Trigger(t)
	case j.state == JobEnded, j.state == JobStopping, !t.WaitUntil.After(now), !j.plan.Has(pipeline.MakesFiles):
		return pipeline.Triggered{}, pipeline.ErrNothing
	case j.env.Mode != pipeline.ModeEvent && !t.Partial:
		return pipeline.Triggered{}, pipeline.ErrNotCovered // a pipeline of mode event may record the event
	case t.After >= 0 && t.At.Add(t.After).Before(now):
		return pipeline.Triggered{}, pipeline.ErrPast
	case len(j.waiting) >= maxWaiting:
		return pipeline.Triggered{}, pipeline.ErrWaiting
	}
	j.waiting = append(j.waiting, t)
	got := pipeline.Triggered{Pipeline: j.plan.Name, Status: pipeline.EventWaiting, NoRows: !j.plan.Has(pipeline.Catalogues)}
	if t.Before >= 0 {
		got.Requested = t.At.Add(-t.Before)
	}
	if t.After >= 0 {
		got.Until = t.At.Add(t.After)
	}
	return got, nil
}

// begun is called when a run has begun. It makes run the current run, and passes the waiting triggers to it.
// The caller holds j.mu.
func (j *Job) begun(run *pipeline.Run) {
	j.run = run
	for _, t := range j.waiting {
		if _, err := run.Trigger(t); err != nil {
			j.env.Log.Warn("an event is not recorded", "stream", j.stream, "pipeline", j.plan.Name, "name", t.Name, "key", t.Key, "error", err)
		}
	}
	j.waiting = nil
}

// Trigger records an event of a stream. If recordings of mode manual or always have all media of the event, the
// event is noted in them, without a second file. Otherwise each pipeline of mode event that covers the stream
// records the event. If no pipeline does, the event is noted in recordings that have a part of its media. The result
// has an entry for each pipeline. The error wraps that of the last job that refused the trigger, or is a
// *HeldError, an *ArmedError or ErrUnknownStream.
func (r *Recorder) Trigger(stream string, t pipeline.Trigger) ([]pipeline.Triggered, error) {
	if err := streampath.Check(stream); err != nil {
		return nil, err
	}
	unarmed := r.arm(stream, t)
	marked, notMarked := r.ask(stream, t, notEvent)
	if len(marked) > 0 {
		return marked, nil
	}
	recorded, why := r.ask(stream, t, func(m pipeline.Mode) bool { return m == pipeline.ModeEvent })
	if len(recorded) == 0 && errors.Is(why, pipeline.ErrNoEvents) {
		why = notMarked
	}
	if len(recorded) == 0 && errors.Is(notMarked, pipeline.ErrNotCovered) {
		t.Partial = true
		recorded, why = r.ask(stream, t, notEvent)
	}
	if len(recorded) == 0 && unarmed != nil {
		why = unarmed
	}
	if len(recorded) == 0 {
		return nil, fmt.Errorf("%s: %w", stream, r.known(stream, why))
	}
	return recorded, nil
}

// ask passes a trigger to the jobs of a stream whose mode satisfies modes. all has the result of each job that
// accepted it. why is ErrNotCovered if a job returned that, else the error of the last job that refused the
// trigger, else ErrNoEvents.
func (r *Recorder) ask(stream string, t pipeline.Trigger, modes func(pipeline.Mode) bool) (all []pipeline.Triggered, why error) {
	why = pipeline.ErrNoEvents
	for _, j := range r.jobsOf(stream) {
		if !modes(j.mode) {
			continue
		}
		got, err := j.trigger(t)
		if err != nil {
			if !errors.Is(why, pipeline.ErrNotCovered) { // ErrNotCovered means that a recording exists
				why = err
			}
			continue
		}
		all = append(all, got)
	}
	return all, why
}

// arm starts jobs that wait for the publisher of a stream, so that they record the event of t. It starts a job
// of each pipeline that covers the stream and has mode event, or mode always unless a client stopped the
// stream. For a stream that the configuration does not name, it does so only with t.Arm, or if a publisher has
// connected and not sent its tracks yet; these jobs end at t.WaitUntil if no publisher has come. It returns an
// *ArmedError if such a stream would exceed the bound of armed streams. It does nothing if the stream has a
// publisher, or after t.WaitUntil.
func (r *Recorder) arm(stream string, t pipeline.Trigger) error {
	wait := t.WaitUntil.Sub(r.env.Clock.Now())
	if wait <= 0 || r.dir.Live(stream) || !t.Arm && !r.dir.Configured(stream) && !r.announced(stream) {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.declared {
		d := &r.declared[i]
		if d.Mode == pipeline.ModeManual || d.Mode == pipeline.ModeAlways && r.isHalted(stream) || !d.Covers(stream) {
			continue
		}
		if err := r.mayArm(stream); err != nil {
			return err
		}
		if !r.begin(d, stream, 0, r.unlessConfigured(stream, pipeline.NextPublisher)) || r.dir.Configured(stream) {
			continue
		}
		j := r.job(d.Plan.Name, stream)
		r.tasks.Go("wait for "+stream, func(ctx context.Context) error { r.disarm(ctx, j, wait); return nil })
	}
	r.armIfUnknown(stream)
	return nil
}

// disarm waits for the duration wait, and then stops the job j if its stream has no publisher. It returns earlier
// if ctx or the job ends.
func (r *Recorder) disarm(ctx context.Context, j *activeJob, wait time.Duration) {
	if pipeline.Sleep(ctx, r.env.Clock, wait, j.done) && !r.dir.Live(j.stream) && !r.announced(j.stream) {
		j.requestStop(endcause.Duration)
	}
}

// known returns the error of Trigger for why, an error of ask or arm. It replaces ErrNoEvents by a *HeldError
// if each pipeline that covers the stream is held, or by ErrUnknownStream if the stream is neither live nor
// configured. It returns any other error unchanged.
func (r *Recorder) known(stream string, why error) error {
	if errors.Is(why, pipeline.ErrNoEvents) {
		r.mu.Lock()
		held := r.refusedByHold(stream, anyMode)
		r.mu.Unlock()
		if held != nil {
			return held
		}
	}
	if errors.Is(why, pipeline.ErrNoEvents) && !r.dir.Live(stream) && !r.dir.Configured(stream) {
		return ErrUnknownStream
	}
	return why
}
