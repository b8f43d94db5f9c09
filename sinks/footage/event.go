package footage

import (
	"context"
	"errors"
	"io/fs"
	"slices"

	"github.com/gospool/spool/pipeline/media"
)

// Marked is a recording that holds media of an event, as AddEvent left it.
type Marked struct {
	Record    media.Record
	Beyond    bool  // it names as many events as it may: the catalogue alone pairs it with this one
	FileError error // why the file does not name the event; the row does
}

// AddEvent names an event in the row and then in the file of a finished recording. A
// crash in between leaves the row that is asked, and the same event again mends the file.
// With a file that cannot take the event, or has no room left, the catalogue alone has it.
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

// PairEvent notes in the catalogue alone that a recording holds media of an event. It is
// for one that grows and cannot name the event, whose file is its recorder's.
func (s *Store) PairEvent(ctx context.Context, rec media.Recording, ev media.Event) error {
	release, err := s.claim(ctx, rec.ID)
	if err != nil {
		return err
	}
	defer release()
	return s.Catalogue.PutEvents(ctx, rec, ev)
}

// Names reports whether a recording names an event.
func Names(r *media.Record, event media.ID) bool {
	return slices.ContainsFunc(r.Events, func(of media.Event) bool { return of.ID == event })
}
