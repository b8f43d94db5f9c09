package mp4

import (
	"path/filepath"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/disk"
	"github.com/gospool/spool/sinks/mp4/facts"
)

// announce emits the recording of the open file for the first time. The caller must have written
// the file's first chunk: the recording of a file without a chunk is never emitted (salvage).
func (m *Muxer) announce(emit pipeline.Emit[media.Recording]) error {
	f := m.file
	r, err := m.recording(f.name)
	if err != nil {
		return err
	}
	r.Beyond, f.beyond = f.beyond, nil
	m.unnamed(len(r.Beyond))
	m.announced, m.hasHadFile, m.owedNS = true, true, 0
	m.log.Info("recording begins", "file", m.shown(f.name), "start", at(r.StartUTC).UTC())
	return emit(r)
}

// grew publishes the length of the open file to readers in this process (disk.GrowingBytes) and
// to the program (Growth).
func (m *Muxer) grew() {
	m.live.Store(m.file.sizeBytes)
	m.growth.Grew(m.path, m.file.entry.identity.Stream, m.file.sizeBytes)
}

// note adds an event to the catalogue entry of the open file and emits the changed recording.
// Without an open file, as in an outage, it does nothing: the next file of the segment gets the
// event.
func (m *Muxer) note(ev media.Event, emit pipeline.Emit[media.Recording]) error {
	f := m.file
	if f == nil { // during an outage no file is open: the next file of the segment names the event (continued)
		return nil
	}
	named, err := f.noteEvent(ev, f.entry.protected || m.grantProtection(f, ev))
	if err != nil {
		return err
	}
	r, err := m.recording(f.name)
	if err != nil {
		return err
	}
	if !named {
		r.Beyond = []media.Event{ev}
		m.unnamed(1)
	}
	return emit(r)
}

// unnamed counts n events for which the catalogue entry of the open file has no room. It logs a
// warning at its first call in a run with n > 0 only.
func (m *Muxer) unnamed(n int) {
	if n > 0 && m.stats.unnamed.Add(uint64(n)) == uint64(n) {
		m.log.Warn("the file names its maximum of events: further events are in the catalogue only, and are counted", "file", m.shown(m.file.name), "events", media.MaxEvents)
	}
}

// recording returns the recording of the open file for the catalogue. name is the path of the file
// below the record directory.
func (m *Muxer) recording(name string) (media.Recording, error) {
	r, err := m.file.entry.recording(name, m.file.sizeBytes)
	r.Directory = disk.Claimed(m.dir)
	if err == nil {
		if unread := applyFacts(facts.In(m.dir), &r); unread != nil {
			m.log.Error("the facts of a recording cannot be read: it counts as protected", "file", m.shown(name), "error", unread)
		}
	}
	return r, err
}

// shown returns a file's path for the log: record_path as it is configured, joined with the name.
func (m *Muxer) shown(name string) string {
	return filepath.Join(m.cfg.RecordPath, filepath.FromSlash(name))
}

// grantProtection reports whether an event requires the protection of the file
// (media.Event.Protect) and the limits of protected bytes permit it. It stores the ID of that
// event in f.protectedBy. If a limit refuses an event, it logs a warning, but only once in a row
// for the same event.
func (m *Muxer) grantProtection(f *file, events ...media.Event) bool {
	for i := range events {
		e := &events[i]
		if !e.Protect {
			continue
		}
		if m.protection.Grant(e.ID, f.sizeBytes) {
			f.protectedBy, f.countedBytes = e.ID, f.sizeBytes
			return true
		}
		if m.warned != e.ID {
			m.warned = e.ID
			m.log.Warn("a file is not protected: the event, or all events together, reached the limit of protected bytes (events.max_protect_bytes, max_protect_percent)",
				"file", m.shown(f.name), "event", e.ID)
		}
	}
	return false
}

// countProtected adds the growth of a file since grantProtection to the protected bytes of the
// event that protects it (f.protectedBy). It does nothing for a file that no event protects.
func (m *Muxer) countProtected(f *file) {
	if f.protectedBy != (media.ID{}) {
		m.protection.Grew(f.protectedBy, f.sizeBytes-f.countedBytes)
	}
}
