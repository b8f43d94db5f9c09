package recorder

import (
	"slices"

	"github.com/gospool/spool/pipeline"
)

// maxLast bounds the streams with a remembered last job.
const maxLast = 1000

// remember stores the status of an ended job. Beyond the bound it forgets that of another stream.
// The caller holds r.mu.
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

// Last returns the status of the last ended job of a stream: its written media, its drops and its
// last error.
func (r *Recorder) Last(stream string) (s JobStatus, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if known := r.streams[stream]; known != nil && known.last != nil {
		return *known.last, true
	}
	return s, false
}

// Status returns the state of every job of a stream, by pipeline.
func (r *Recorder) Status(stream string) []JobStatus { return r.statusOf(r.jobsOf(stream)) }

// Jobs returns the state of every job, by stream and pipeline.
func (r *Recorder) Jobs() []JobStatus { return r.statusOf(r.every()) }

// statusOf returns the status of jobs. It does not hold the recorder's lock while it calls their
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

// Recording returns the streams that have a job. A job that waits for events counts only while it
// records one.
func (r *Recorder) Recording() []string {
	out := []string{}
	for _, j := range r.every() {
		if j.mode != pipeline.ModeEvent || j.Status().Report.Recording {
			out = append(out, j.stream)
		}
	}
	return slices.Compact(out)
}

// ByPipeline returns, for each pipeline, the streams for which it has a job, in order.
func (r *Recorder) ByPipeline() map[string][]string {
	out := map[string][]string{}
	for _, j := range r.every() {
		out[j.plan.Name] = append(out[j.plan.Name], j.stream)
	}
	return out
}

// jobsOf returns the jobs of a stream, by pipeline.
func (r *Recorder) jobsOf(stream string) []*activeJob {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.streams[stream].jobs()
}

// every returns the jobs of every stream, by stream and pipeline. It sorts them without the
// recorder's lock, for which a new publisher waits.
func (r *Recorder) every() []*activeJob {
	r.mu.Lock()
	jobs := r.all()
	r.mu.Unlock()
	return sorted(jobs)
}
