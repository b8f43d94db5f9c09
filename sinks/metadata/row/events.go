package row

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata/database"
)

// NoRecording is the ID in the row of an Event change whose events have media in no recording yet.
var NoRecording = media.ID{}.String()

// StorableEvent returns an ErrInvalid for an event that a database would always refuse, and else
// nil.
func StorableEvent(e *media.Event) error {
	for _, f := range []struct {
		name, value string
		max         int
	}{{"key", e.Key, database.MaxKeyBytes}, {"name", e.Name, database.MaxKeyBytes}, {"data", string(e.Data), database.MaxDataBytes}} {
		if len(f.value) > f.max {
			return fmt.Errorf("%w: event %s: %s has %d bytes, at most %d fit", ErrInvalid, e.ID, f.name, len(f.value), f.max)
		}
		if !utf8.ValidString(f.value) || strings.ContainsRune(f.value, 0) {
			return fmt.Errorf("%w: event %s: %s is not plain text", ErrInvalid, e.ID, f.name)
		}
	}
	return nil
}

// NamedEvents returns the events that the row names, from the column events. If the column cannot
// be decoded, the error is a database.ErrUnreadableRow.
func (r *Row) NamedEvents() (events []media.Event, err error) {
	if len(r.Events) > len("[]") {
		if err = json.Unmarshal(r.Events, &events); err != nil {
			err = fmt.Errorf("%w %s: events: %w", database.ErrUnreadableRow, r.ID, err)
		}
	}
	return events, err
}

// Keeping returns the row that replaces the row old when r is put. That is r itself, unless r has
// the state recovered: then it is a copy that also names the events of old. A recovered file may
// name fewer events than its row did, because a growing file has room for the latest ones only. old
// may be nil.
func (r *Row) Keeping(old *Row) *Row {
	if old == nil || r.State != string(media.StateRecovered) || string(old.Events) == string(r.Events) {
		return r
	}
	events, err := r.NamedEvents()
	if err != nil {
		return r
	}
	named, err := old.NamedEvents()
	if err != nil || len(named) == 0 {
		return r
	}
	for _, e := range events { // the file's version of an event is newer
		named = media.JoinEvent(named, e)
	}
	text, err := json.Marshal(named)
	if err != nil {
		return r
	}
	kept := *r
	kept.Events = text
	return &kept
}

// ErrInvalid reports that no database can store a recording or an event.
var ErrInvalid = errors.New("the recording cannot be stored")
