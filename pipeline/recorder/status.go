package recorder

import (
	"slices"

	"github.com/gospool/spool/pipeline"
)

// maxLast bounds the number of streams whose last job is remembered.
const maxLast = 1000

// remember stores the status of a job that has ended as that of the stream's last job. If maxLast is reached, it
// removes the stored status of some other stream. The caller holds r.mu.
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

// Last returns the status of a stream's last job that has ended, with its written media, drops and last error.
// ok is false if no such status is stored.
func (r *Recorder) Last(stream string) (s JobStatus, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if known := r.streams[stream]; known != nil && known.last != nil {
		return *known.last, true
	}
	return s, false
}

// Status returns the states of a stream's jobs, sorted by pipeline.
func (r *Recorder) Status(stream string) []JobStatus { return r.statusOf(r.jobsOf(stream)) }

// Jobs returns the states of all jobs, sorted by stream and pipeline.
func (r *Recorder) Jobs() []JobStatus { return r.statusOf(r.every()) }

// statusOf returns the states of jobs. It does not hold r.mu while it calls the stages of the jobs.
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

// Recording returns the paths of the streams that have a job, sorted. A job of mode event counts only while it
// records an event.
func (r *Recorder) Recording() []string {
	out := []string{}
	for _, j := range r.every() {
		if j.mode != pipeline.ModeEvent || j.Status().Report.Recording {
			out = append(out, j.stream)
		}
	}
	return slices.Compact(out)
}

// ByPipeline returns the paths of the streams for which each pipeline has a job, sorted. The key is the name of
// the pipeline.
func (r *Recorder) ByPipeline() map[string][]string {
	out := map[string][]string{}
	for _, j := range r.every() {
		out[j.plan.Name] = append(out[j.plan.Name], j.stream)
	}
	return out
}

// jobsOf returns the jobs of a stream, sorted by pipeline.
func (r *Recorder) jobsOf(stream string) []*activeJob {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.streams[stream].jobs()
}

// every returns the jobs of all streams, sorted by stream and pipeline. It sorts without r.mu, because a new
// publisher waits for that lock.
func (r *Recorder) every() []*activeJob {
	r.mu.Lock()
	jobs := r.all()
	r.mu.Unlock()
	return sorted(jobs)
}
