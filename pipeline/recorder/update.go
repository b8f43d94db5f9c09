package recorder

import (
	"context"
	"errors"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
)

// Update replaces the declared pipelines. Recordings of a pipeline that is the
// same as before are not touched; the others are drained, and begin anew where
// they are still wanted. What is to be recorded always begins for the given
// streams, which are those that are live or configured. It returns the pipelines that
// changed, and how many recordings were drained, to begin anew or not at all.
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

// renew begins a job in the place of one that an update has ended. The caller
// holds r.mu.
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

// Abandon ends the recordings of a stream that the configuration does not name
// any more, but those that were begun by hand. It is no stop by hand.
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
