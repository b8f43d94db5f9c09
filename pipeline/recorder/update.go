package recorder

import (
	"context"
	"errors"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
)

// Update replaces the declared pipelines. Jobs of an unchanged pipeline continue. Jobs of a changed pipeline
// are drained, and begin again if a client, the schedule or the mode still demands it. For each of the streams,
// which must be live or configured, Update begins the pipelines of mode always and event that cover it. It
// returns the changes and the number of jobs that it stopped. The error joins the errors of Job.Stop.
func (r *Recorder) Update(ctx context.Context, declared []Declared, streams []string) (changes Changes, drained int, err error) {
	changes, stop := r.replace(declared)
	for _, j := range stop {
		j.requestStop(endcause.Reload)
	}
	for _, j := range stop {
		err = errors.Join(err, j.Stop(ctx, endcause.Reload))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, stream := range streams {
		r.beginAlways(stream, pipeline.PresentPublisher)
	}
	return changes, len(stop), err
}

// renew begins a job in place of the job old, which Update ended, with the rest of its requested duration. It
// does nothing if old.again is false, or if the stream has no declared pipeline of that name any more. The
// caller holds r.mu.
func (r *Recorder) renew(rec *recording, old *activeJob) {
	d := byName(r.declared)[rec.pipeline]
	if !old.again || d == nil || !d.Covers(old.stream) {
		return
	}
	rest := old.duration
	if !old.until.IsZero() {
		rest = max(old.until.Sub(r.env.Clock.Now()), time.Millisecond)
	}
	if r.begin(d, old.stream, rest, old.env.For) {
		rec.job.claims = old.claims
	}
}

// Abandon ends the jobs of a stream that the configuration no longer names, except those that a client started.
// It waits for their end. Unlike Stop, it does not keep pipelines of mode always from recording the stream
// again.
func (r *Recorder) Abandon(ctx context.Context, stream string) (err error) {
	for _, j := range r.jobsOf(stream) {
		if r.byHand(j) {
			continue
		}
		j.requestStop(endcause.Reload)
		err = errors.Join(err, j.Stop(ctx, endcause.Reload))
	}
	return err
}

func (r *Recorder) byHand(j *activeJob) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return j.hand
}
