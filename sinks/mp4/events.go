package mp4

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// The events of a recording follow the identity in the box of the file's catalogue entry:
//
//	0  "evts"                      4
//	4  room for the list, bytes    4
//	8  length of the list          4
//	12 CRC32C of the list          4
//	16 the list, JSON
//
// A growing file has room for later events, which the stage writes in place. A list that does
// not match its checksum, because a power cut tore it, counts as empty: the catalogue has the
// events too.
const (
	eventsMark       = "evts"
	eventsFixedBytes = 16

	eventsLengthAt  = 8       // offset of the length: the bytes before it are never rewritten
	eventsRoomBytes = 2 << 10 // room for the list in a growing file: some ten events
)

// writeEvents appends the events with the room for later ones. box is the offset of the entry's
// box in w.
func (e *entry) writeEvents(w *isobmff.Writer, box int) {
	list := e.encodeEvents(0)
	room := max(e.eventsRoomBytes, len(list))
	if room == 0 {
		return
	}
	e.eventsAt = len(w.B) - box
	w.B = append(w.B, eventsMark...)
	w.U32(uint32(room))
	w.B = append(w.B, encodedList(list)...)
	w.B = append(w.B, make([]byte, room-len(list))...)
}

// encodeEvents encodes the latest events that fit into limit bytes, or all events if limit is 0,
// as the JSON list. It leaves out events whose data is not JSON. It returns nil if no event is left.
func (e *entry) encodeEvents(limit int) []byte {
	var latest [][]byte
	n := 1 // the brackets, and a comma for each but the first
	for i := len(e.events) - 1; i >= 0; i-- {
		b, err := json.Marshal(&e.events[i])
		if err != nil {
			continue // its data is not JSON
		}
		if limit > 0 && n+len(b)+1 > limit {
			continue // an event with much data must not displace smaller ones
		}
		n += len(b) + 1
		latest = append(latest, b)
	}
	if len(latest) == 0 {
		return nil
	}
	slices.Reverse(latest)
	return append(append([]byte{'['}, bytes.Join(latest, []byte{','})...), ']')
}

// encodedList returns the length of list, its CRC32C, and the list. These are the bytes
// from eventsLengthAt on of the events and of the gaps in the entry.
func encodedList(list []byte) []byte {
	b := make([]byte, 0, eventsFixedBytes-eventsLengthAt+len(list))
	b = binary.BigEndian.AppendUint32(b, uint32(len(list)))
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(list, castagnoli))
	return append(b, list...)
}

// readEvents reads the events from offset at of the entry's box, and returns the offset behind
// them: at itself if the box has no events there, and 0 if their room is damaged.
func (e *entry) readEvents(box []byte, at int) (behind int) {
	if len(box) < at+eventsFixedBytes || string(box[at:at+4]) != eventsMark {
		return at
	}
	room, n := binary.BigEndian.Uint32(box[at+4:]), binary.BigEndian.Uint32(box[at+8:])
	rest := box[at+eventsFixedBytes:]
	if uint64(room) > uint64(len(rest)) || n > room || n > maxEntryBytes {
		return 0
	}
	e.eventsAt, e.eventsRoomBytes = at, int(room)
	var events []media.Event
	list := rest[:n]
	if crc32.Checksum(list, castagnoli) == binary.BigEndian.Uint32(box[at+12:]) && json.Unmarshal(list, &events) == nil {
		e.events = events[:min(len(events), media.MaxEvents)]
	}
	return at + eventsFixedBytes + int(room)
}

// noteEvent adds an event to the growing file, and writes it into the file's entry. If protected
// is set, it also writes the protection. It reports whether the recording names the event:
// media.MaxEvents and media.MaxEventBytes limit the events that it can name.
func (f *file) noteEvent(ev media.Event, protected bool) (bool, error) {
	e := &f.entry
	e.events = media.JoinEvent(e.events, ev)
	kept := names(e.events, ev.ID)
	if e.eventsAt > 0 {
		list := encodedList(e.encodeEvents(e.eventsRoomBytes))
		if err := f.writeAt(list, f.lay.entryAt+int64(e.eventsAt)+eventsLengthAt); err != nil {
			return kept, fmt.Errorf("event: %w", err)
		}
	}
	if protected && !e.protected {
		e.protected = true
		if err := f.writeAt([]byte{1}, f.lay.entryAt+entryProtectedAt); err != nil {
			return kept, fmt.Errorf("event: %w", err)
		}
	}
	return kept, nil
}

func names(list []media.Event, id media.ID) bool {
	for i := range list {
		if list[i].ID == id {
			return true
		}
	}
	return false
}
