package recorder

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/gospool/spool/pipeline"
)

// Changes name the pipelines that an update touched.
type Changes struct {
	Added, Removed, Changed []string
	Restarted               int // recordings that were drained, to begin anew or not at all
}

// Update replaces the declared pipelines. Recordings of a pipeline that is the
// same as before are not touched; the others are drained, and begin anew where
// they are still wanted. What is to be recorded always begins for the given
// streams, which are those that are live or configured.
func (r *Recorder) Update(ctx context.Context, declared []Declared, streams []string) (Changes, error) {
	changes, stop := r.replace(declared)
	for _, j := range stop {
		j.requestStop(pipeline.ReasonReload)
	}
	var err error
	for _, j := range stop {
		err = errors.Join(err, j.Stop(ctx, pipeline.ReasonReload))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, stream := range streams {
		r.beginAlways(stream, pipeline.PresentPublisher)
	}
	return changes, err
}

// replace puts the new pipelines in place and tells which recordings have to end.
func (r *Recorder) replace(declared []Declared) (c Changes, stop []*recording) {
	r.mu.Lock()
	defer r.mu.Unlock()
	old, now := byName(r.declared), byName(declared)
	for _, name := range slices.Sorted(maps.Keys(now)) {
		if before, was := old[name]; !was {
			c.Added = append(c.Added, name)
		} else if !before.same(now[name]) {
			c.Changed = append(c.Changed, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(old)) {
		if now[name] == nil {
			c.Removed = append(c.Removed, name)
			delete(r.held, name)
		}
	}
	r.declared = declared
	r.generation.Add(1)
	for key, j := range r.jobs {
		d := now[key.pipeline]
		if d != nil && d.Covers(key.stream) && d.Mode == j.mode && d.Plan.Same(j.plan) {
			continue
		}
		j.again = d != nil && d.Covers(key.stream) && (d.Mode != pipeline.Manual || j.hand || j.scheduled)
		stop = append(stop, j)
	}
	c.Restarted = len(stop)
	return c, stop
}

func byName(list []Declared) map[string]*Declared {
	m := make(map[string]*Declared, len(list))
	for i := range list {
		m[list[i].Plan.Name] = &list[i]
	}
	return m
}

func (d *Declared) same(o *Declared) bool {
	globs := func(a, b pipeline.Glob) bool { return a.String() == b.String() }
	return d.Mode == o.Mode && slices.EqualFunc(d.Streams, o.Streams, globs) && d.Plan.Same(o.Plan)
}

// renew begins a job in the place of one that an update has ended. The caller
// holds r.mu.
func (r *Recorder) renew(key jobKey, old *recording) {
	d := byName(r.declared)[key.pipeline]
	if !old.again || d == nil || !d.Covers(key.stream) {
		return
	}
	rest := old.duration
	if !old.until.IsZero() {
		rest = max(old.until.Sub(r.env.Clock.Now()), time.Millisecond)
	}
	if r.begin(d, key.stream, rest, old.env.For) {
		r.jobs[key].claims = old.claims
	}
}

// Abandon ends the recordings of a stream that the configuration does not name
// any more, but those that were begun by hand. It is no stop by hand.
func (r *Recorder) Abandon(ctx context.Context, stream string) (err error) {
	for _, j := range r.list() {
		if j.stream != stream || r.byHand(j) {
			continue
		}
		j.requestStop(pipeline.ReasonReload)
		err = errors.Join(err, j.Stop(ctx, pipeline.ReasonReload))
	}
	return err
}

func (r *Recorder) byHand(j *recording) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return j.hand
}

// HoldOptions say how a pipeline is held.
type HoldOptions struct {
	Drain bool // wait for its files however long it takes; else the deadline of a stop counts
}

// unhurried is a deadline for what has none.
const unhurried = 10 * 365 * 24 * time.Hour

// Hold ends every recording of a pipeline and lets none begin until Resume. It
// tells how many there were.
func (r *Recorder) Hold(ctx context.Context, name string, o HoldOptions) (ended int, err error) {
	jobs := r.hold(name)
	patience := time.Duration(0)
	if o.Drain {
		patience = unhurried
	}
	for _, j := range jobs {
		j.requestStopWithin(pipeline.ReasonStop, patience)
	}
	for _, j := range jobs {
		err = errors.Join(err, j.Stop(ctx, pipeline.ReasonStop))
	}
	return len(jobs), err
}

func (r *Recorder) hold(name string) (jobs []*recording) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held[name] = true
	for key, j := range r.jobs {
		if key.pipeline == name {
			jobs = append(jobs, j)
		}
	}
	return jobs
}

// Resume ends a hold and records with a pipeline those of the given streams that
// it covers. It tells how many recordings began.
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
		delete(r.halted, stream)
		delete(r.stopped, stream)
		if r.begin(d, stream, 0, pipeline.AnyPublisher) {
			r.jobs[jobKey{name, stream}].hand = true
			began++
		}
	}
	return began
}

// Held tells whether a pipeline is held.
func (r *Recorder) Held(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.held[name]
}

// requestStopWithin is requestStop with a deadline of its own; 0 is the job's.
func (j *Job) requestStopWithin(reason string, patience time.Duration) {
	j.stopOnce.Do(func() {
		j.reason, j.patience = reason, patience
		close(j.stopping)
	})
}

// stopLimit is the deadline of a stop that was requested.
func (j *Job) stopLimit() time.Duration { return cmp.Or(j.patience, j.limit) }
