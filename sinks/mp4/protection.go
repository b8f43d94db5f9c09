package mp4

import "github.com/gospool/spool/pipeline/media"

// protect asks whether the open file may be kept from deletion because of one of
// some events, and notes by which.
func (m *Muxer) protect(f *file, events ...media.Event) bool {
	for i := range events {
		e := &events[i]
		if !e.Protect {
			continue
		}
		if m.protection.Grant(e.ID, f.size) {
			f.protectedBy, f.counted = e.ID, f.size
			return true
		}
		if m.warned != e.ID {
			m.warned = e.ID
			m.log.Warn("a file is not protected: the event protects as much as it may, or all events together do (events.max_protect_bytes, max_protect_percent)",
				"file", m.shown(f.name), "event", e.ID)
		}
	}
	return false
}

// countProtected counts what a protected file got since it was granted.
func (m *Muxer) countProtected(f *file) {
	if f.protectedBy != (media.ID{}) {
		m.protection.Grew(f.protectedBy, f.size-f.counted)
	}
}
