package recorder

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
)

// HoldOptions are the options of Hold.
type HoldOptions struct {
	Drain bool // wait for the end of the files without a time limit; otherwise the time limit of a stop applies
}

// HeldError is the error of Start and Trigger if each pipeline that could record the stream is held:
// Recorder.Hold keeps it from recording until Resume.
type HeldError struct{ Pipelines []string }

// Error returns a text with the names of the held pipelines.
func (e *HeldError) Error() string {
	if len(e.Pipelines) == 1 {
		return fmt.Sprintf("pipeline %s is held", e.Pipelines[0])
	}
	return fmt.Sprintf("pipelines %s are held", strings.Join(e.Pipelines, ", "))
}

// unhurried is a time limit that is never reached.
const unhurried = 10 * 365 * 24 * time.Hour

// Hold ends all jobs of the pipeline name, and makes the recorder begin no job of it until Resume. It waits for
// the end of the jobs, or until ctx ends, and returns their number. The error joins the errors of Job.Stop.
func (r *Recorder) Hold(ctx context.Context, name string, o HoldOptions) (ended int, err error) {
	jobs := r.hold(name)
	patience := time.Duration(0)
	if o.Drain {
		patience = unhurried
	}
	for _, j := range jobs {
		j.requestStopWithin(endcause.Stop, patience)
	}
	for _, j := range jobs {
		err = errors.Join(err, j.Stop(ctx, endcause.Stop))
	}
	return len(jobs), err
}

func (r *Recorder) hold(name string) (jobs []*activeJob) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held[name] = true
	for _, j := range r.all() {
		if j.plan.Name == name {
			jobs = append(jobs, j)
		}
	}
	return jobs
}

// Resume ends the hold of the pipeline name, and begins a job for each of the given streams that the pipeline
// covers, as if a client had started it. It returns the number of jobs that began.
func (r *Recorder) Resume(name string, streams []string) (began int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.held, name)
	d := byName(r.declared)[name]
	if d == nil {
		return 0
	}
	for _, stream := range streams {
		if !d.Covers(stream) {
			continue
		}
		r.startedByHand(stream)
		if r.begin(d, stream, 0, pipeline.AnyPublisher) {
			r.job(name, stream).hand = true
			began++
		}
	}
	return began
}

// Held reports whether the pipeline name is held: Hold was called for it, and since then neither Resume, nor
// Update without that pipeline.
func (r *Recorder) Held(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.held[name]
}

// refusedByHold returns a *HeldError if at least one pipeline covers the stream and all of those are held. It
// considers only pipelines whose mode satisfies modes. The caller holds r.mu.
func (r *Recorder) refusedByHold(stream string, modes func(pipeline.Mode) bool) error {
	var held []string
	for i := range r.declared {
		d := &r.declared[i]
		if !modes(d.Mode) || !d.Covers(stream) {
			continue
		}
		if !r.held[d.Plan.Name] {
			return nil
		}
		held = append(held, d.Plan.Name)
	}
	if len(held) == 0 {
		return nil
	}
	return &HeldError{Pipelines: held}
}

func anyMode(pipeline.Mode) bool { return true }

func notEvent(m pipeline.Mode) bool { return m != pipeline.ModeEvent }
