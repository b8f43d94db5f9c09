package footage

import (
	"context"
	"errors"
	"io/fs"
	"slices"

	"github.com/gospool/spool/pipeline/media"
)

// Marked describes a recording that holds media of an event, after AddEvent.
type Marked struct {
	Record    media.Record
	Beyond    bool  // the recording names its maximum of events already; only the catalogue links it to this event
	FileError error // why the file does not name the event although the row does
}

// AddEvent adds an event to the row of a finished recording and then to its file. After a
// crash in between the row has the event, and adding the same event again repairs the file. If
// the file cannot take the event, or has no room left, only the catalogue has it.
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

// PairEvent links a recording to an event in the catalogue only. It serves a growing recording
// that has no room for the event: only its recorder may change the file.
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
