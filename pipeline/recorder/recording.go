package recorder

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gospool/spool/pipeline"
)

// streamState holds the jobs and the remembered state of one stream. forget removes it once recordings, halted,
// stopped and last are zero.
type streamState struct {
	path       string
	recordings map[string]*recording // by name of the pipeline: those with a job or a spent window
	halted     bool                  // a client stopped the stream: mode always records it only after a start
	stopped    time.Time             // wall clock of that stop; zero after a start
	armed      bool                  // the stream counts as armed, see Arming
	last       *JobStatus            // status of its last job that ended; nil before the first end, or once removed
}

// recording is the recorder's state of one pipeline for one stream. It is not the catalogue's record of a file.
type recording struct {
	pipeline string
	of       *streamState
	job      *activeJob         // nil while the pipeline does not record the stream
	left     *pipeline.Handover // objects that the ended job leaves for the next job
	// Begin of the window in which a scheduled job ended by itself; nil if none did.
	spent *time.Time
}

// activeJob is a Job with the recorder's state about it. Recorder.mu guards all fields but Job.
type activeJob struct {
	*Job
	mode     pipeline.Mode
	duration time.Duration // requested duration; 0 if none was requested, or once the publisher has come
	until    time.Time     // end of the requested duration, set when the publisher comes; else zero
	again    bool          // Update ends the job, and a new job of the changed pipeline follows
	claims
}

// state returns the state of a stream, and creates it if it is missing. The caller must then set a field, or
// call forget to remove the empty state. The caller holds r.mu.
func (r *Recorder) state(path string) *streamState {
	s := r.streams[path]
	if s == nil {
		s = &streamState{path: path, recordings: map[string]*recording{}}
		r.streams[path] = s
	}
	return s
}

// recording returns the state of a pipeline for a stream, and creates it if it is missing. The caller must then
// set a field, or call forget to remove the empty state. The caller holds r.mu.
func (r *Recorder) recording(name, path string) *recording {
	s := r.state(path)
	rec := s.recordings[name]
	if rec == nil {
		rec = &recording{pipeline: name, of: s}
		s.recordings[name] = rec
	}
	return rec
}

// job returns the job of a pipeline for a stream, or nil. The caller holds r.mu.
func (r *Recorder) job(name, path string) *activeJob {
	if s := r.streams[path]; s != nil && s.recordings[name] != nil {
		return s.recordings[name].job
	}
	return nil
}

// isHalted reports whether a client stopped the stream, so that its pipelines of mode always wait for a start.
// The caller holds r.mu.
func (r *Recorder) isHalted(path string) bool {
	s := r.streams[path]
	return s != nil && s.halted
}

// jobs returns the jobs of a stream, sorted by pipeline. s may be nil.
func (s *streamState) jobs() (out []*activeJob) {
	if s == nil {
		return nil
	}
	for _, rec := range s.recordings {
		if rec.job != nil {
			out = append(out, rec.job)
		}
	}
	return sorted(out)
}

// all returns the jobs of all streams, unsorted. The caller holds r.mu.
func (r *Recorder) all() []*activeJob {
	out := make([]*activeJob, 0, len(r.streams))
	for _, s := range r.streams {
		for _, rec := range s.recordings {
			if rec.job != nil {
				out = append(out, rec.job)
			}
		}
	}
	return out
}

// sorted sorts jobs by stream and pipeline, in place, and returns them.
func sorted(jobs []*activeJob) []*activeJob {
	slices.SortFunc(jobs, func(a, b *activeJob) int {
		return cmp.Or(strings.Compare(a.stream, b.stream), strings.Compare(a.plan.Name, b.plan.Name))
	})
	return jobs
}

// forget removes the pipelines of the stream s that have neither a job nor a spent window (see
// recording.spent). It then removes s itself if s has no pipeline, no client's stop and no last job. The caller
// holds r.mu.
func (r *Recorder) forget(s *streamState) {
	maps.DeleteFunc(s.recordings, func(_ string, rec *recording) bool { return rec.job == nil && rec.spent == nil })
	if len(s.recordings) == 0 && !s.halted && s.stopped.IsZero() && s.last == nil {
		delete(r.streams, s.path)
	}
}
