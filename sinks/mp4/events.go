package mp4

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"

	"github.com/gospool/spool/pipeline/media"
)

// The events of a file stand in its entry behind the identity:
//
//	0  "evts"                      4
//	4  room for the list, bytes    4
//	8  length of the list          4
//	12 CRC32C of the list          4
//	16 the list, JSON
//
// A growing file has room for some events that come later, and each is written
// in place; a finished one has as much as it needs, and where there are no
// events, nothing. A list that does not match its checksum (a power cut tears
// it) counts as empty: the catalogue has the events too.
const (
	eventsMark  = "evts"
	eventsFixed = 16
	eventsRoom  = 2 << 10 // of a growing file, some ten events
)

// writeEvents appends the list with room for more.
func (e *entry) writeEvents(w *boxes, box int) {
	list := e.encodeEvents(0)
	room := max(e.room, len(list))
	if room == 0 {
		return
	}
	e.eventsAt = len(w.b) - box
	w.b = append(w.b, eventsMark...)
	w.u32(uint32(room))
	w.u32(uint32(len(list)))
	w.u32(crc32.Checksum(list, castagnoli))
	w.b = append(w.b, list...)
	w.b = append(w.b, make([]byte, room-len(list))...)
}

// encodeEvents is the list in at most so many bytes, 0 for no limit: the latest
// events stay.
func (e *entry) encodeEvents(limit int) []byte {
	for i := range e.events {
		list, err := json.Marshal(e.events[i:])
		if err == nil && (limit == 0 || len(list) <= limit) {
			return list
		}
	}
	return nil
}

// readEvents takes in the list behind the identity, which ends at an offset of
// the box.
func (e *entry) readEvents(box []byte, at int) {
	if len(box) < at+eventsFixed || string(box[at:at+4]) != eventsMark {
		return
	}
	room, n := binary.BigEndian.Uint32(box[at+4:]), binary.BigEndian.Uint32(box[at+8:])
	rest := box[at+eventsFixed:]
	if uint64(room) > uint64(len(rest)) || n > room {
		return
	}
	e.eventsAt, e.room = at, int(room)
	var events []media.Event
	list := rest[:n]
	if crc32.Checksum(list, castagnoli) == binary.BigEndian.Uint32(box[at+12:]) && json.Unmarshal(list, &events) == nil {
		e.events = events[:min(len(events), media.MaxEvents)]
	}
}

// note writes an event into the entry of the growing file, and the protection
// that it asks for. It tells whether the list had room for it.
func (f *file) note(ev media.Event) (bool, error) {
	e := &f.entry
	e.events = media.JoinEvent(e.events, ev)
	kept := holds(e.events, ev.ID)
	if e.eventsAt > 0 {
		list := e.encodeEvents(e.room)
		b := make([]byte, 0, 8+len(list))
		b = binary.BigEndian.AppendUint32(b, uint32(len(list)))
		b = binary.BigEndian.AppendUint32(b, crc32.Checksum(list, castagnoli))
		if err := f.writeAt(append(b, list...), f.lay.entryAt+int64(e.eventsAt)+8); err != nil {
			return kept, fmt.Errorf("event: %w", err)
		}
	}
	if ev.Protect && !e.protected {
		e.protected = true
		if err := f.writeAt([]byte{1}, f.lay.entryAt+entryProtectedAt); err != nil {
			return kept, fmt.Errorf("event: %w", err)
		}
	}
	return kept, nil
}

func holds(list []media.Event, id media.ID) bool {
	for i := range list {
		if list[i].ID == id {
			return true
		}
	}
	return false
}
