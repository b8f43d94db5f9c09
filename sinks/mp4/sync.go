package mp4

import "github.com/gospool/spool/pipeline/media"

// The sync policies. They matter for power cuts only: after a kill the kernel still writes the
// page cache.
const (
	syncChunk    = "chunk"
	syncInterval = "interval"
	syncSegment  = "segment"
	syncNone     = "none"
)

// syncByPolicy syncs the file after a chunk if the policy requires it. A chunk that was cut for
// its size is synced with the last one of its flush interval.
func (m *Muxer) syncByPolicy(c *media.Chunk) error {
	switch m.cfg.Sync {
	case syncChunk:
		if m.unsynced = c.More; m.unsynced {
			return nil
		}
	case syncInterval:
		if m.clock.Now().Sub(m.synced) < m.cfg.SyncInterval.D() {
			return nil
		}
	default:
		return nil
	}
	began := m.clock.Now()
	if err := m.file.datasync(); err != nil {
		return err
	}
	m.synced = m.clock.Now()
	m.timings.Synced(m.synced.Sub(began))
	m.stats.durable.Store(m.file.written())
	return nil
}

// datasync makes the written bytes durable. After a failure the file cannot be trusted: the
// kernel may have dropped the dirty pages.
func (f *file) datasync() error { return f.flush("fdatasync", f.f.Datasync) }

func (f *file) sync() error { return f.flush("fsync", f.f.Sync) }

func (f *file) flush(op string, flush func() error) error {
	if f.noSync {
		return nil
	}
	if f.syncFail == nil {
		if err := flush(); err != nil {
			f.syncFail = f.fail(op, f.sizeBytes, err)
		}
	}
	return f.syncFail
}
