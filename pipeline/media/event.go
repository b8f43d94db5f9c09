package media

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"slices"
)

// Event is something that happened on a stream and is worth keeping: the
// interval from before its trigger to after its last one. It is immutable; what
// is learned later is another value with the same ID.
type Event struct {
	ID        ID              `json:"id"`
	Key       string          `json:"key,omitempty"`
	Name      string          `json:"name,omitempty"`
	Data      json.RawMessage `json:"data,omitempty"`
	AtUTC     int64           `json:"at_ns"`               // UTC of the first trigger
	StartUTC  int64           `json:"start_ns"`            // UTC; asked for, not the key frame
	EndUTC    int64           `json:"end_ns"`              // UTC; of the last trigger
	ActualUTC int64           `json:"actual_ns,omitempty"` // UTC of the key frame where its footage begins; 0: not known
	Protect   bool            `json:"protect,omitempty"`
}

// Raised is an event of which only the moment is known: a stage has seen it in the
// media. From when to when it is recorded says the gop_ring behind that stage. It is
// immutable.
type Raised struct {
	ID      ID
	Name    string
	Data    json.RawMessage
	AtUTC   int64 // UTC, ns
	Protect bool
}

func copyEvents(list []Event) []Event {
	list = slices.Clone(list)
	for i := range list {
		list[i].Data = bytes.Clone(list[i].Data)
	}
	return list
}

// Lasting returns the event from so many ns before its moment to so many after it.
func (r *Raised) Lasting(before, after int64) Event {
	return Event{ID: r.ID, Name: r.Name, Data: r.Data, AtUTC: r.AtUTC, StartUTC: r.AtUTC - before, EndUTC: r.AtUTC + after, Protect: r.Protect}
}

// EventID is the ID of the event that a stream's caller calls by a key: the same
// on every machine and after every restart, so that a trigger that is sent twice
// is one event. It is a UUID of version 8 (RFC 9562, 5.8).
func EventID(stream, key string) ID {
	sum := sha256.Sum256([]byte(stream + "\x00" + key))
	id := ID(sum[:16])
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return id
}

// Join is what two values of one event say together: the span of both, and the
// words of the later one.
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

// MaxEvents and MaxEventBytes are how many events one recording names: its entry and
// its row, which is written anew with each, must not grow without bound. Those beyond
// are told of one by one: Recording.Beyond.
const (
	MaxEvents     = 256
	MaxEventBytes = 128 << 10
)

// MaxOpenEvents is how many events a pipeline keeps in mind that are not over: the
// files to come hold media of them, too.
const MaxOpenEvents = 4096

// JoinEvent adds an event to those that a recording names, or to what the list knows
// of it. The list is not changed; a full one is given back as it is.
func JoinEvent(list []Event, e Event) []Event {
	return joinEvent(list, e, func() bool { return len(list) < Namable(append(list[:len(list):len(list)], e)) })
}

// JoinOpen is JoinEvent for the events that are not over.
func JoinOpen(list []Event, e Event) []Event {
	return joinEvent(list, e, func() bool { return len(list) < MaxOpenEvents })
}

// Namable is how many events of a list, from its begin, one recording names.
func Namable(list []Event) int {
	bytes := 0
	for i := range list {
		if bytes += list[i].Bytes(); i == MaxEvents || bytes > MaxEventBytes {
			return i
		}
	}
	return len(list)
}

// Bytes is about what an event takes as JSON, where a character of its words may take
// six.
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

// MarshalText and UnmarshalText let an ID stand in JSON as it is shown.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText is ParseID.
func (id *ID) UnmarshalText(b []byte) (err error) {
	*id, err = ParseID(string(b))
	return err
}
