package recorder

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gospool/spool/pipeline"
)

// streamState holds the recordings of one stream and the stops by hand. The Recorder
// keeps it as long as any of its fields is set, see forget.
type streamState struct {
	path       string
	recordings map[string]*recording // by pipeline: those with a job, or with a window that is spent
	halted     bool                  // it was stopped by hand: always waits for a start
	stopped    time.Time             // when it was, until a start by hand
	armed      bool                  // its jobs wait for a publisher that nobody has told of: see Arming
	last       *JobStatus            // of its last job that has ended; nil: none has, or it is forgotten
}

// recording is one pipeline for one stream.
type recording struct {
	pipeline string
	of       *streamState
	job      *activeJob         // nil: it does not record
	left     *pipeline.Handover // by a job that is about to be forgotten, for the one that begins in its place
	spent    *time.Time         // begin of the window in which a scheduled job ended by itself; nil: none did
}

// activeJob is a job with the reasons for which it runs. Recorder.mu guards all but Job.
type activeJob struct {
	*Job
	mode     pipeline.Mode
	duration time.Duration // still to be timed, when a publisher comes
	until    time.Time     // when its duration is over; zero: it has none, or is not timed yet
	again    bool          // an update ends it, and it begins anew
	claims
}

// state returns the state of a stream, a new one where there was none: the caller sets
// something in it. The caller holds r.mu.
func (r *Recorder) state(path string) *streamState {
	s := r.streams[path]
	if s == nil {
		s = &streamState{path: path, recordings: map[string]*recording{}}
		r.streams[path] = s
	}
	return s
}

// recording returns the recording of a pipeline and stream, a new one where there was
// none: the caller sets something in it. The caller holds r.mu.
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

// isHalted reports whether the pipelines of mode always wait for a start by hand. The
// caller holds r.mu.
func (r *Recorder) isHalted(path string) bool {
	s := r.streams[path]
	return s != nil && s.halted
}

// jobs are those of a stream, by pipeline. A nil stream has none.
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

// all are the jobs of every stream, in no order. The caller holds r.mu.
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

// forget drops the empty recordings of a stream, and the stream if it is empty then. The
// caller holds r.mu.
func (r *Recorder) forget(s *streamState) {
	maps.DeleteFunc(s.recordings, func(_ string, rec *recording) bool { return rec.job == nil && rec.spent == nil })
	if len(s.recordings) == 0 && !s.halted && s.stopped.IsZero() && s.last == nil {
		delete(r.streams, s.path)
	}
}
