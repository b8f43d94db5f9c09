package recorder

import (
	"slices"

	"github.com/gospool/spool/pipeline"
)

// maxLast bounds the streams whose last job is remembered.
const maxLast = 1000

// remember keeps how a job ended. Past the bound another stream is forgotten. The
// caller holds r.mu.
func (r *Recorder) remember(status JobStatus) {
	s := r.state(status.Stream)
	if s.last == nil {
		if r.ended >= maxLast {
			r.forgetALast()
		}
		r.ended++
	}
	s.last = &status
}

func (r *Recorder) forgetALast() {
	for _, s := range r.streams {
		if s.last != nil {
			s.last = nil
			r.ended--
			r.forget(s)
			return
		}
	}
}

// Last describes the job of a stream that ended last: what it wrote, what it
// left out, and its last error.
func (r *Recorder) Last(stream string) (s JobStatus, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if known := r.streams[stream]; known != nil && known.last != nil {
		return *known.last, true
	}
	return s, false
}

// Status describes every job of a stream, by pipeline.
func (r *Recorder) Status(stream string) []JobStatus { return r.statusOf(r.jobsOf(stream)) }

// Jobs describes every job, by stream and pipeline.
func (r *Recorder) Jobs() []JobStatus { return r.statusOf(r.every()) }

// statusOf asks the jobs, which is done without the recorder's lock: each asks its
// stages.
func (r *Recorder) statusOf(jobs []*activeJob) []JobStatus {
	out := make([]JobStatus, len(jobs))
	for i, j := range jobs {
		out[i] = j.Status()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, j := range jobs {
		out[i].Until = j.until
	}
	return out
}

// Recording lists the streams that have a job; of those that wait for events,
// the ones that record one.
func (r *Recorder) Recording() []string {
	out := []string{}
	for _, j := range r.every() {
		if j.mode != pipeline.Event || j.Status().Report.Recording {
			out = append(out, j.stream)
		}
	}
	return slices.Compact(out)
}

// ByPipeline lists the streams that each pipeline has a job for, in order.
func (r *Recorder) ByPipeline() map[string][]string {
	out := map[string][]string{}
	for _, j := range r.every() {
		out[j.plan.Name] = append(out[j.plan.Name], j.stream)
	}
	return out
}

// jobsOf are the jobs of a stream, by pipeline.
func (r *Recorder) jobsOf(stream string) []*activeJob {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.streams[stream].jobs()
}

// every are the jobs of every stream, by stream and pipeline. They are sorted without the
// recorder's lock, which a publisher that begins waits for.
func (r *Recorder) every() []*activeJob {
	r.mu.Lock()
	jobs := r.all()
	r.mu.Unlock()
	return sorted(jobs)
}
