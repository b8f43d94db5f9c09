package mp4

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
)

// stats holds the values that Report reads while the stage works. The last file is the file that
// was open most recently; it counts while no file is open. Times are 0 if unknown.
type stats struct {
	recording    atomic.Bool            // a file is open
	file         atomic.Pointer[string] // name of the open or last file
	started      atomic.Int64           // StartUTC of the last segment with media
	duration     atomic.Int64           // media time of the open or last file, ns
	lasted       atomic.Int64           // wall-clock time of the same media, ns; longer for a time-lapse
	segments     atomic.Uint64          // number of files begun
	bytes        atomic.Int64           // size of the open or last file
	total        atomic.Int64           // bytes written to all files
	units        atomic.Uint64          // access units written
	droppedUnits atomic.Uint64          // access units that did not continue the file's tracks
	unnamed      atomic.Uint64          // events that their file has no room to name
	gaps         atomic.Uint64          // gaps caused by the disk
	full         lost                   // media dropped because the disk was full
	crowded      lost                   // media dropped because the disk had no inodes
	broken       lost                   // media dropped because the disk failed
	problem      atomic.Pointer[pipeline.Problem]
	written      atomic.Int64 // end of the written media: UTC less SteppedNS
	durable      atomic.Int64 // end of the durable media: UTC less SteppedNS
	lastError    atomic.Pointer[string]
	finish       atomic.Pointer[pipeline.Finish]
}

// lost counts the access units and bytes that the stage dropped for one cause.
type lost struct{ units, bytes atomic.Uint64 }

func (t *stats) lose(cause media.Cause, c *media.Chunk) {
	l := &t.broken
	switch cause {
	case media.GapDiskFull:
		l = &t.full
	case media.GapNoInodes:
		l = &t.crowded
	}
	l.units.Add(uint64(c.AccessUnits()))
	l.bytes.Add(uint64(c.Bytes()))
}

func (l *lost) report(r *pipeline.Report, stage string, cause media.Cause) {
	if n := l.units.Load(); n > 0 {
		r.Drops = append(r.Drops, pipeline.Drop{Stage: stage, Cause: string(cause), AccessUnits: n, Bytes: l.bytes.Load()})
	}
}

// began sets the values of the open file for f, a new file of the segment s. header is the
// number of bytes before the first chunk in f.
func (t *stats) began(s *media.Segment, f *file, header int64) {
	name := f.name
	t.duration.Store(0)
	t.lasted.Store(0)
	t.file.Store(&name)
	t.started.Store(s.StartUTC)
	t.segments.Add(1)
	t.bytes.Store(header)
	t.total.Add(header)
	t.recording.Store(true)
}

func (t *stats) wrote(f *file, bytes int64, units uint64) {
	t.bytes.Store(f.sizeBytes)
	t.total.Add(bytes)
	t.units.Add(units)
	t.written.Store(f.written())
	d := f.durationNS()
	t.duration.Store(d)
	t.lasted.Store(f.entry.endAfter(d) - f.entry.identity.StartUTC)
}

func (t *stats) finished(f *file, name string, written int64, took time.Duration) {
	t.file.Store(&name)
	t.bytes.Store(f.sizeBytes)
	t.total.Add(written)
	if !f.noSync {
		t.durable.Store(f.written())
	}
	t.finish.Store(&pipeline.Finish{File: name, BytesWritten: written, FileBytes: f.sizeBytes, Took: took})
}

func (t *stats) failed(err error) {
	s := err.Error()
	t.lastError.Store(&s)
}

// Report adds to r the state of the open file, or else of the file that was open last, the
// dropped access units with their causes, and the problem of the disk. See pipeline.Reporter.
func (m *Muxer) Report(r *pipeline.Report) {
	t := &m.stats
	r.Recording = t.recording.Load()
	if name := t.file.Load(); name != nil {
		r.File = *name
	}
	r.StartedAt = at(t.started.Load())
	r.Segments = t.segments.Load()
	r.Bytes = t.bytes.Load()
	r.TotalBytes = t.total.Load()
	r.AccessUnits = t.units.Load()
	r.Duration, r.Lasted = time.Duration(t.duration.Load()), time.Duration(t.lasted.Load())
	r.LastWritten = m.today(t.written.Load())
	r.LastDurable = m.today(t.durable.Load())
	if n := t.droppedUnits.Load(); n > 0 {
		r.Drops = append(r.Drops, pipeline.Drop{Stage: m.stage, Cause: media.DropOutOfOrder, AccessUnits: n})
	}
	if n := t.unnamed.Load(); n > 0 {
		r.Warnings = append(r.Warnings, fmt.Sprintf("%d events are in the catalogue alone, and not in their files, which name %d at most: cut files with segmenter's max_duration", n, media.MaxEvents))
	}
	t.full.report(r, m.stage, media.GapDiskFull)
	t.crowded.report(r, m.stage, media.GapNoInodes)
	t.broken.report(r, m.stage, media.GapDiskError)
	r.Gaps += t.gaps.Load()
	if p := t.problem.Load(); p != nil {
		r.Waiting, r.Problems = "disk", append(r.Problems, *p)
	}
	if s := t.lastError.Load(); s != nil {
		r.LastError = *s
	}
	if f := t.finish.Load(); f != nil {
		r.Finish = *f
	}
}

// today converts a time, UTC less SteppedNS, to the wall clock as it is set now. It returns the
// zero time for 0, an unknown time.
func (m *Muxer) today(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns).Add(pipeline.Stepped(m.clock.Now()))
}

func at(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns)
}
