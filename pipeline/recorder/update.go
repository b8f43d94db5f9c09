package recorder

import (
	"context"
	"errors"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
)

// Update replaces the declared pipelines. Recordings of an unchanged pipeline continue; the others
// are drained, and begin again if they are still demanded. Pipelines of mode always begin for the
// given streams, which are live or configured. Update returns the changed pipelines and the number
// of drained recordings.
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

// renew begins a job in place of one that an update ended. The caller holds r.mu.
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

// Abandon ends the recordings of a stream that the configuration no longer names, except those
// started by request. It does not count as a stop by request.
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
