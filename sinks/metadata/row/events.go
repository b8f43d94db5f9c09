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

// NoRecording is the recording ID of an event whose media no recording holds yet.
var NoRecording = media.ID{}.String()

// StorableEvent returns ErrInvalid for an event that a database would always refuse.
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

// NamedEvents decodes the column events.
func (r *Row) NamedEvents() (events []media.Event, err error) {
	if len(r.Events) > len("[]") {
		if err = json.Unmarshal(r.Events, &events); err != nil {
			err = fmt.Errorf("%w %s: events: %w", database.ErrUnreadableRow, r.ID, err)
		}
	}
	return events, err
}

// Keeping returns the row to store in the place of old: r, with the events of old added when r
// was recovered after a crash. A file that a crash left names only the latest events, those that
// its event list had room for while it grew.
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

// ErrInvalid reports a recording that no database can store.
var ErrInvalid = errors.New("the recording cannot be stored")
