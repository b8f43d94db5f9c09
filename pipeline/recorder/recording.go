package recorder

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gospool/spool/pipeline"
)

// streamState holds the recordings of one stream and its stop by request. The Recorder keeps it as
// long as any of its fields is set, see forget.
type streamState struct {
	path       string
	recordings map[string]*recording // by pipeline: with a job, or with a spent window
	halted     bool                  // stopped by request: mode always waits for a start
	stopped    time.Time             // time of that stop, until a start by request
	armed      bool                  // counted as armed: see Arming
	last       *JobStatus            // status of its last ended job; nil: none, or forgotten
}

// recording is one pipeline for one stream.
type recording struct {
	pipeline string
	of       *streamState
	job      *activeJob         // nil while it does not record
	left     *pipeline.Handover // from the ended job for its successor
	spent    *time.Time         // begin of the window in which a scheduled job ended by itself, or nil
}

// activeJob is a job with the claims on it. Recorder.mu guards all fields but Job.
type activeJob struct {
	*Job
	mode     pipeline.Mode
	duration time.Duration // not started yet; starts with a publisher
	until    time.Time     // end of its duration; zero: it has none, or it has not started
	again    bool          // an update ends it, and a new job follows
	claims
}

// state returns the state of a stream, and creates it if necessary; the caller sets a field of it.
// The caller holds r.mu.
func (r *Recorder) state(path string) *streamState {
	s := r.streams[path]
	if s == nil {
		s = &streamState{path: path, recordings: map[string]*recording{}}
		r.streams[path] = s
	}
	return s
}

// recording returns the recording of a pipeline and stream, and creates it if necessary; the caller
// sets a field of it. The caller holds r.mu.
func (r *Recorder) recording(name, path string) *recording {
	s := r.state(path)
	rec := s.recordings[name]
	if rec == nil {
		rec = &recording{pipeline: name, of: s}
		s.recordings[name] = rec
	}
	return rec
}

// job returns the job of a pipeline and stream, or nil. The caller holds r.mu.
func (r *Recorder) job(name, path string) *activeJob {
	if s := r.streams[path]; s != nil && s.recordings[name] != nil {
		return s.recordings[name].job
	}
	return nil
}

// isHalted reports whether the stream's pipelines of mode always wait for a start by request. The
// caller holds r.mu.
func (r *Recorder) isHalted(path string) bool {
	s := r.streams[path]
	return s != nil && s.halted
}

// jobs returns the jobs of a stream, by pipeline. A nil stream has none.
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

// all returns the jobs of every stream, unordered. The caller holds r.mu.
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

// sorted orders jobs by stream and pipeline.
func sorted(jobs []*activeJob) []*activeJob {
	slices.SortFunc(jobs, func(a, b *activeJob) int {
		return cmp.Or(strings.Compare(a.stream, b.stream), strings.Compare(a.plan.Name, b.plan.Name))
	})
	return jobs
}

// forget deletes the empty recordings of a stream, and then the stream if it is empty. The caller
// holds r.mu.
func (r *Recorder) forget(s *streamState) {
	maps.DeleteFunc(s.recordings, func(_ string, rec *recording) bool { return rec.job == nil && rec.spent == nil })
	if len(s.recordings) == 0 && !s.halted && s.stopped.IsZero() && s.last == nil {
		delete(r.streams, s.path)
	}
}
