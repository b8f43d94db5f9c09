package media

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"slices"
)

// Event is an interval of a stream worth keeping: from before the first trigger to after the last
// one. It is immutable; later knowledge is another value with the same ID.
type Event struct {
	ID        ID              `json:"id"`
	Key       string          `json:"key,omitempty"`
	Name      string          `json:"name,omitempty"`
	Data      json.RawMessage `json:"data,omitempty"`
	AtUTC     int64           `json:"at_ns"`               // first trigger
	StartUTC  int64           `json:"start_ns"`            // requested begin, not the key frame
	EndUTC    int64           `json:"end_ns"`              // requested end, after the last trigger
	ActualUTC int64           `json:"actual_ns,omitempty"` // key frame where its footage begins; 0: not known
	Protect   bool            `json:"protect,omitempty"`
}

// Raised is an event whose interval is not decided yet: a stage detected something in the media at
// AtUTC, and the following gop_ring sets the interval. It is immutable.
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

// Lasting returns the event from beforeNS before its moment to afterNS after it.
func (r *Raised) Lasting(beforeNS, afterNS int64) Event {
	return Event{ID: r.ID, Name: r.Name, Data: r.Data, AtUTC: r.AtUTC, StartUTC: r.AtUTC - beforeNS, EndUTC: r.AtUTC + afterNS, Protect: r.Protect}
}

// EventID returns the ID of the event that a client names by a key. It is the same on every machine
// and after every restart, so a trigger sent twice makes one event. It is a UUID of version 8 (RFC
// 9562, 5.8).
func EventID(stream, key string) ID {
	sum := sha256.Sum256([]byte(stream + "\x00" + key))
	id := ID(sum[:16])
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return id
}

// Join merges two values of one event: the span of both, and name, key and data of the later one.
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

// MaxEvents and MaxEventBytes bound the events that one recording names: its catalogue box and its
// row, which each event rewrites, must not grow without bound. Recording.Beyond carries further
// events one by one.
const (
	MaxEvents     = 256
	MaxEventBytes = 128 << 10
)

// MaxOpenEvents bounds the open events of a pipeline: later files hold media of them, too.
const MaxOpenEvents = 4096

// JoinEvent adds an event to the events that a recording names, or merges it with the list's value
// of the same event. It does not change list; it returns a full list unchanged.
func JoinEvent(list []Event, e Event) []Event {
	return joinEvent(list, e, func() bool { return len(list) < Namable(append(list[:len(list):len(list)], e)) })
}

// JoinOpen is JoinEvent for open events.
func JoinOpen(list []Event, e Event) []Event {
	return joinEvent(list, e, func() bool { return len(list) < MaxOpenEvents })
}

// Namable returns how many events of a list, from its begin, one recording names.
func Namable(list []Event) int {
	bytes := 0
	for i := range list {
		if bytes += list[i].Bytes(); i == MaxEvents || bytes > MaxEventBytes {
			return i
		}
	}
	return len(list)
}

// Bytes returns the approximate size of an event as JSON. A character of its texts may take six
// bytes.
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

// UnmarshalText is ParseID.
func (id *ID) UnmarshalText(b []byte) (err error) {
	*id, err = ParseID(string(b))
	return err
}
