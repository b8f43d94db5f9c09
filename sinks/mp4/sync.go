package mp4

import "github.com/gospool/spool/pipeline/media"

// The sync policies, values of the setting sync. They matter for power cuts only: when the
// process is killed, the kernel still writes the page cache to the disk.
const (
	syncChunk    = "chunk"
	syncInterval = "interval"
	syncSegment  = "segment"
	syncNone     = "none"
)

// syncByPolicy syncs the open file after chunk c if the setting sync requires it. The value
// chunk requires one sync a flush interval: after the last chunk of the interval, in which
// media.Chunk.More is unset. If the last chunk of an interval was dropped, the sync comes after the
// next chunk, so that the unsynced media does not grow to that of two intervals. Until its sync a
// chunk counts as written, not as durable.
func (m *Muxer) syncByPolicy(c *media.Chunk) error {
	switch m.cfg.Sync {
	case syncChunk:
		missing := m.unsynced && c.Seq > m.unsyncedSeq+1
		m.unsynced, m.unsyncedSeq = c.More && !missing, c.Seq
		if m.unsynced {
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

// datasync makes the written bytes durable, unless the setting sync is none. After a failed sync
// of the file it returns the error of that sync and does not sync again: the kernel may have
// dropped the dirty pages, so that a later sync would succeed without them.
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
