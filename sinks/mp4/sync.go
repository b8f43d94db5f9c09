package mp4

import "github.com/gospool/spool/pipeline/media"

// The sync policies. A kill loses nothing that was written under any of them;
// they are about power cuts.
const (
	syncChunk    = "chunk"
	syncInterval = "interval"
	syncSegment  = "segment"
	syncNone     = "none"
)

// syncByPolicy is called behind each chunk. One that was cut for its size alone is
// synced with those behind it that end its flush interval.
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

// datasync makes what is written durable. Once it has failed nothing that
// follows may be believed: the kernel may have dropped the dirty pages.
func (f *file) datasync() error { return f.flush("fdatasync", f.f.Datasync) }

func (f *file) sync() error { return f.flush("fsync", f.f.Sync) }

func (f *file) flush(op string, flush func() error) error {
	if f.noSync {
		return nil
	}
	if f.syncFail == nil {
		if err := flush(); err != nil {
			f.syncFail = f.fail(op, f.size, err)
		}
	}
	return f.syncFail
}
