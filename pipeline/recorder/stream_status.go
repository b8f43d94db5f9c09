package recorder

import (
	"time"

	"github.com/gospool/spool/pipeline"
)

// StreamStatus describes the recording of a stream at one moment.
type StreamStatus struct {
	Stream   string
	Pipeline string // name of the pipeline of the job that the other fields describe
	State    string // idle, held, armed, connecting, waiting, recording, finishing or backoff
	// Recording is true if the stream is live and its job is neither in backoff nor waits for a disk. A job of
	// mode event must also be recording an event.
	Recording bool
	// End of the requested duration; zero if none was requested, or if no publisher has come since.
	Until  time.Time
	Report pipeline.Report
}

// Stream describes the recording of a stream by the job that furthest returns. A stream without a job has the
// report of its last job; its state is held if each pipeline that covers it is held, else idle. known is false
// if the stream is neither live nor configured, has no job, and Last returns no job.
func (r *Recorder) Stream(path string) (s StreamStatus, known bool) {
	live, configured := r.dir.Live(path), r.dir.Configured(path)
	job, is := r.furthest(path)
	if !is {
		last, recorded := r.Last(path)
		last.Report.Recording, last.Report.Waiting, last.Report.LastError = false, "", last.LastError
		return StreamStatus{Stream: path, State: r.stateWithoutJob(path), Pipeline: last.Pipeline, Report: last.Report}, live || recorded || configured
	}
	job.Report.LastError = job.LastError
	return StreamStatus{
		Stream: path, Pipeline: job.Pipeline, Until: job.Until, Report: job.Report,
		State:     job.stateOfStream(configured),
		Recording: live && job.State != JobBackoff && job.Report.Waiting != "disk" && (job.Mode != pipeline.ModeEvent || job.Report.Recording),
	}, true
}

func (r *Recorder) stateWithoutJob(path string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refusedByHold(path, anyMode) != nil {
		return "held"
	}
	return "idle"
}

// furthest returns the status of one job of a stream. It prefers a job that writes a file, and then a job of mode
// manual or always. ok is false if the stream has no job.
func (r *Recorder) furthest(path string) (job JobStatus, ok bool) {
	for i, j := range r.Status(path) {
		if j.Report.Recording {
			return j, true
		}
		if i == 0 || job.Mode == pipeline.ModeEvent && j.Mode != pipeline.ModeEvent {
			job, ok = j, true
		}
	}
	return job, ok
}

// stateOfStream returns StreamStatus.State for a stream with this job. configured reports that the
// configuration names the stream. The state is "recording" only while a file grows.
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
