package mp4

import (
	"errors"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/disk"
)

// maxBytes returns the largest permitted size of the open file: the file system's limit, or
// the size at which an earlier file failed.
func (m *Muxer) maxBytes(f *file) int64 {
	most := m.ranIntoBytes
	if n, told := disk.MaxBytes(f.f); told && (most == 0 || n < most) {
		most = n
	}
	return most
}

// full reports, at a key frame, whether the next GOP and the final boxes may exceed the
// permitted size.
func (f *file) full() bool {
	f.maxGOPBytes, f.gopAt = max(f.maxGOPBytes, f.sizeBytes-f.gopAt), f.sizeBytes
	return f.maxBytes > 0 && f.sizeBytes+2*f.maxGOPBytes+int64(f.tableBytes()) > f.maxBytes
}

// cutFull finishes a file that may not grow any more. The next file begins with the chunk that
// starts the next GOP; no media is missing between them.
func (m *Muxer) cutFull(next *media.Chunk, emit pipeline.Emit[media.Recording]) error {
	m.log.Info("file finished: the file system permits no larger file", "file", m.shown(m.file.name), "max_bytes", m.file.maxBytes)
	if err := m.finish(endcause.MaxSize, emit); err != nil {
		return err
	}
	m.seg = m.continued(next.UTC)
	return nil
}

// continued returns a further part of the segment, whose file begins at utc.
func (m *Muxer) continued(utc int64) *media.Segment {
	s := *m.seg
	s.ID = media.NewID(m.clock.Now())
	s.StartUTC = utc
	s.Events = slices.DeleteFunc(slices.Clone(m.events), func(e media.Event) bool { return e.EndUTC <= utc })
	s.Gap = media.Gap{}
	return &s
}

// hitLimit records the size at which a file failed, so that the next files end before it, and
// permits the next file to begin at once.
func (m *Muxer) hitLimit(err error, size int64) {
	if size == 0 || !errors.Is(err, unix.EFBIG) || m.outage == nil {
		return
	}
	m.ranIntoBytes = size
	m.outage.tried = time.Time{}
}
