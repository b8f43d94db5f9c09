package mp4

import (
	"slices"
	"syscall"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/disk"
)

// maxBytes returns the largest permitted size of a file, 0 if unlimited: the lesser of the file
// system's limit and of the size at which an earlier file could not grow.
func (m *Muxer) maxBytes(f *file) int64 {
	most := m.ranIntoBytes
	if n, told := disk.MaxBytes(f.f); told && (most == 0 || n < most) {
		most = n
	}
	return most
}

// full reports whether the file could exceed its largest permitted size (f.maxBytes) with the
// next GOP and the boxes that finish the file. It allows for a GOP of twice the longest size so
// far. It must be called before the first chunk of each GOP is written.
func (f *file) full() bool {
	f.maxGOPBytes, f.gopAt = max(f.maxGOPBytes, f.sizeBytes-f.gopAt), f.sizeBytes
	return f.maxBytes > 0 && f.sizeBytes+2*f.maxGOPBytes+int64(f.tableBytes()) > f.maxBytes
}

// cutFull finishes the open file, which may not grow further, and continues the segment in a file
// that begins with the chunk next. No media is missing between the two files.
func (m *Muxer) cutFull(next *media.Chunk, emit pipeline.Emit[media.Recording]) error {
	m.log.Info("file finished: the file system permits no larger file", "file", m.shown(m.file.name), "max_bytes", m.file.maxBytes)
	if err := m.finish(endcause.MaxSize, emit); err != nil {
		return err
	}
	m.seg = m.continued(next.UTC)
	return nil
}

// continued returns a segment that continues the current one in a file that begins at utc. It has
// a new ID, no gap, and the events that last beyond utc.
func (m *Muxer) continued(utc int64) *media.Segment {
	s := *m.seg
	s.ID = media.NewID(m.clock.Now())
	s.StartUTC = utc
	s.Events = slices.DeleteFunc(slices.Clone(m.events), func(e media.Event) bool { return e.EndUTC <= utc })
	s.Gap = media.Gap{}
	return &s
}

// hitLimit handles err, an error of a write to a file of size bytes. size is 0 if no recording
// of the file was emitted. If the file system permits no larger file (EFBIG), the next files
// will be finished before that size, and the stage tries at once to begin a new file, which ends
// the outage.
func (m *Muxer) hitLimit(err error, size int64) {
	if size == 0 || !filesystem.Is(err, syscall.EFBIG) || m.outage == nil {
		return
	}
	m.ranIntoBytes = size
	m.outage.tried = time.Time{}
}
