package mp4

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
)

// truth is what Report reads while the stage works. Times are UTC in ns, 0
// where there is none.
type truth struct {
	recording    atomic.Bool
	file         atomic.Pointer[string]
	started      atomic.Int64
	segments     atomic.Uint64
	bytes        atomic.Int64 // of the open or last file
	total        atomic.Int64
	units        atomic.Uint64
	droppedUnits atomic.Uint64
	unnamed      atomic.Uint64 // events that their file does not list
	written      atomic.Int64
	durable      atomic.Int64
	lastError    atomic.Pointer[string]
	finish       atomic.Pointer[pipeline.Finish]
}

func (t *truth) began(s *media.Segment, f *file) {
	name := f.name
	t.file.Store(&name)
	t.started.Store(s.StartUTC)
	t.segments.Add(1)
	t.bytes.Store(f.size)
	t.total.Add(f.size)
	t.recording.Store(true)
}

func (t *truth) wrote(f *file, bytes int64, units uint64) {
	t.bytes.Store(f.size)
	t.total.Add(bytes)
	t.units.Add(units)
	t.written.Store(f.endUTC)
}

func (t *truth) finished(f *file, name string, written int64, took time.Duration) {
	t.file.Store(&name)
	t.bytes.Store(f.size)
	t.total.Add(written)
	if !f.noSync {
		t.durable.Store(f.endUTC)
	}
	t.finish.Store(&pipeline.Finish{File: name, BytesWritten: written, FileBytes: f.size, Took: took})
}

func (t *truth) failed(err error) {
	s := err.Error()
	t.lastError.Store(&s)
}

// Report tells the truth about the open file. See pipeline.Reporter.
func (m *Muxer) Report(r *pipeline.Report) {
	t := &m.truth
	r.Recording = t.recording.Load()
	if name := t.file.Load(); name != nil {
		r.File = *name
	}
	r.StartedAt = at(t.started.Load())
	r.Segments = t.segments.Load()
	r.Bytes = t.bytes.Load()
	r.TotalBytes = t.total.Load()
	r.AccessUnits = t.units.Load()
	r.LastWritten = at(t.written.Load())
	r.LastDurable = at(t.durable.Load())
	if n := t.droppedUnits.Load(); n > 0 {
		r.Drops = append(r.Drops, pipeline.Drop{Stage: "mp4", Cause: "out_of_order", AccessUnits: n})
	}
	if n := t.unnamed.Load(); n > 0 {
		r.Warnings = append(r.Warnings, fmt.Sprintf("%d events are not listed by their recordings, which name %d at most: cut files with segmenter's max_duration", n, media.MaxEvents))
	}
	if s := t.lastError.Load(); s != nil {
		r.LastError = *s
	}
	if f := t.finish.Load(); f != nil {
		r.Finish = *f
	}
}

func at(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns)
}
