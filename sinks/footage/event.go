package footage

import (
	"context"
	"errors"
	"io/fs"
	"slices"

	"github.com/gospool/spool/pipeline/media"
)

// Marked is the result of AddEvent.
type Marked struct {
	Record    media.Record // the recording, with the event unless Beyond is set
	Beyond    bool         // the recording names its maximum of events already: only the catalogue links the two
	FileError error        // why the file does not name the event although the row does; nil: no failure
}

// AddEvent adds an event to the row of a finished recording and then to its file. After a crash in
// between, the row names the event, and another call of AddEvent adds it to the file. If the
// recording has no room for the event, AddEvent links the two in the catalogue only and sets
// Marked.Beyond. If the file cannot be written, the row keeps the event: see Marked.FileError.
//
// AddEvent returns a BusyError, an ElsewhereError, a GoneError if the file is missing, a
// MistakenError, and the errors of the catalogue.
func (s *Store) AddEvent(ctx context.Context, id media.ID, ev media.Event) (m Marked, err error) {
	release, err := s.claim(ctx, id)
	if err != nil {
		return m, err
	}
	defer release()
	if m.Record, err = s.own(ctx, id); err != nil {
		return m, err
	}
	r := &m.Record
	var other *MistakenError
	if err := s.Check(r.Path, id); errors.Is(err, fs.ErrNotExist) {
		return m, &GoneError{id}
	} else if errors.As(err, &other) {
		return m, err
	}
	r.Events = media.JoinEvent(r.Events, ev)
	if !Names(r, ev.ID) {
		m.Beyond = true
		return m, s.Catalogue.PutEvents(ctx, r.Recording, ev)
	}
	if err := s.Catalogue.Put(ctx, r.Recording); err != nil {
		return m, err
	}
	m.FileError = s.Files.AddEvents(r.Path, id, r.Events)
	return m, nil
}

// PairEvent links a recording to an event in the catalogue only. It is for a growing recording
// that already names its maximum of events. It returns a BusyError and the catalogue's errors.
func (s *Store) PairEvent(ctx context.Context, rec media.Recording, ev media.Event) error {
	release, err := s.claim(ctx, rec.ID)
	if err != nil {
		return err
	}
	defer release()
	return s.Catalogue.PutEvents(ctx, rec, ev)
}

// Names reports whether a recording's row names an event.
func Names(r *media.Record, event media.ID) bool {
	return slices.ContainsFunc(r.Events, func(of media.Event) bool { return of.ID == event })
}
