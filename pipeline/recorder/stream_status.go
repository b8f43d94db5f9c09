package recorder

import (
	"time"

	"github.com/gospool/spool/pipeline"
)

// StreamStatus is what is recorded of a stream, at one moment.
type StreamStatus struct {
	Stream    string
	Pipeline  string    // of the job that is told of
	State     string    // idle, armed, connecting, waiting, recording, finishing, backoff
	Recording bool      // asked for and under way
	Until     time.Time // when it stops by itself; zero: never, or not known yet
	Report    pipeline.Report
}

// Stream tells of the job of a stream that is furthest. A stream without one is idle,
// and shows what the last one left. False: it is neither known nor was recorded.
func (r *Recorder) Stream(path string) (s StreamStatus, known bool) {
	live, configured := r.dir.Live(path), r.dir.Configured(path)
	job, is := r.furthest(path)
	if !is {
		last, recorded := r.Last(path)
		last.Report.Recording, last.Report.Waiting, last.Report.LastError = false, "", last.LastError
		return StreamStatus{Stream: path, State: "idle", Pipeline: last.Pipeline, Report: last.Report}, live || recorded || configured
	}
	job.Report.LastError = job.LastError
	return StreamStatus{
		Stream: path, Pipeline: job.Pipeline, Until: job.Until, Report: job.Report,
		State:     job.stateOfStream(configured),
		Recording: live && job.State != JobBackoff && job.Report.Waiting != "disk" && (job.Mode != pipeline.Event || job.Report.Recording),
	}, true
}

// furthest is the job of a stream that tells most: one that writes, else one that was
// asked for, else one that is armed.
func (r *Recorder) furthest(path string) (job JobStatus, ok bool) {
	for i, j := range r.Status(path) {
		if j.Report.Recording {
			return j, true
		}
		if i == 0 || job.Mode == pipeline.Event && j.Mode != pipeline.Event {
			job, ok = j, true
		}
	}
	return job, ok
}

// stateOfStream is "recording" only while a file grows.
func (j *JobStatus) stateOfStream(configured bool) string {
	switch {
	case j.State == JobStopping:
		return "finishing"
	case j.State == JobBackoff, j.Report.Waiting == "disk":
		return "backoff"
	case j.Report.Recording:
		return "recording"
	case j.Report.Waiting == "publisher" && configured:
		return "connecting"
	case j.Report.Waiting == "publisher", j.Report.Waiting == "trigger":
		return "armed"
	}
	return "waiting"
}
