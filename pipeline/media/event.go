package media

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"slices"
)

// Event is an interval of a stream worth keeping, from before its first trigger to after its last trigger. A
// value is immutable; a changed event is another value with the same ID.
type Event struct {
	ID        ID              `json:"id"`
	Key       string          `json:"key,omitempty"`
	Name      string          `json:"name,omitempty"`
	Data      json.RawMessage `json:"data,omitempty"`
	AtUTC     int64           `json:"at_ns"`               // moment of the first trigger
	StartUTC  int64           `json:"start_ns"`            // requested begin, not the begin of the key frame's GOP
	EndUTC    int64           `json:"end_ns"`              // requested end, after the last trigger
	ActualUTC int64           `json:"actual_ns,omitempty"` // key frame with which the footage begins; 0 if not known
	Protect   bool            `json:"protect,omitempty"`
}

// Raised describes a detection: a stage detected something in the media at AtUTC. The following gop_ring
// decides the interval and makes an Event. A value is immutable.
type Raised struct {
	ID      ID
	Name    string
	Data    json.RawMessage
	AtUTC   int64
	Protect bool
}

func copyEvents(list []Event) []Event {
	list = slices.Clone(list)
	for i := range list {
		list[i].Data = bytes.Clone(list[i].Data)
	}
	return list
}

// Lasting returns an event from beforeNS before the detection to afterNS after it.
func (r *Raised) Lasting(beforeNS, afterNS int64) Event {
	return Event{ID: r.ID, Name: r.Name, Data: r.Data, AtUTC: r.AtUTC, StartUTC: r.AtUTC - beforeNS, EndUTC: r.AtUTC + afterNS, Protect: r.Protect}
}

// EventID returns the ID of the event that a client names by a key of its own. The same stream and key give the
// same ID on every machine and after every restart, so a trigger that is sent twice makes one event. The ID is
// a UUID of version 8 (RFC 9562, 5.8).
func EventID(stream, key string) ID {
	sum := sha256.Sum256([]byte(stream + "\x00" + key))
	id := ID(sum[:16])
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return id
}

// Join merges two values of one event. The result has the interval that covers both, and the name, key and data
// of later.
func (e Event) Join(later Event) Event {
	later.AtUTC = min(e.AtUTC, later.AtUTC)
	later.StartUTC = min(e.StartUTC, later.StartUTC)
	later.EndUTC = max(e.EndUTC, later.EndUTC)
	if later.ActualUTC == 0 || e.ActualUTC != 0 && e.ActualUTC < later.ActualUTC {
		later.ActualUTC = e.ActualUTC
	}
	later.Protect = later.Protect || e.Protect
	return later
}

// MaxEvents and MaxEventBytes bound the events that one recording lists, because each new event rewrites the
// list in the file's catalogue box and in the row. Recording.Beyond carries further events.
const (
	MaxEvents     = 256
	MaxEventBytes = 128 << 10
)

// MaxOpenEvents bounds the events that a pipeline remembers because they have not ended: later files have media
// of them, too.
const MaxOpenEvents = 4096

// JoinEvent returns the events of a recording with one event added, or merged with the value of the same event
// in the list. If the list has no room under MaxEvents and MaxEventBytes, it returns list without the event. It
// does not change list.
func JoinEvent(list []Event, e Event) []Event {
	return joinEvent(list, e, func() bool { return len(list) < Namable(append(list[:len(list):len(list)], e)) })
}

// JoinOpen adds an event to a list as JoinEvent does, but with MaxOpenEvents as the bound.
func JoinOpen(list []Event, e Event) []Event {
	return joinEvent(list, e, func() bool { return len(list) < MaxOpenEvents })
}

// Namable returns how many events, counted from the front of list, fit under MaxEvents and MaxEventBytes.
func Namable(list []Event) int {
	bytes := 0
	for i := range list {
		if bytes += list[i].Bytes(); i == MaxEvents || bytes > MaxEventBytes {
			return i
		}
	}
	return len(list)
}

// Bytes returns the approximate size of an event as JSON, in bytes. It counts each character of key and name as
// six bytes, the longest escape.
func (e *Event) Bytes() int { return 160 + 6*(len(e.Key)+len(e.Name)) + len(e.Data) }

func joinEvent(list []Event, e Event, fits func() bool) []Event {
	out := make([]Event, len(list), len(list)+1)
	copy(out, list)
	for i := range out {
		if out[i].ID == e.ID {
			out[i] = out[i].Join(e)
			return out
		}
	}
	if !fits() {
		return list
	}
	return append(out, e)
}

// MarshalText returns the canonical form of the ID.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText sets the ID from its canonical form. The errors are those of ParseID.
func (id *ID) UnmarshalText(b []byte) (err error) {
	*id, err = ParseID(string(b))
	return err
}
