package server

import (
	"context"
	"slices"
	"time"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata"
)

// eventReach is how far an event may reach from its first trigger, before and after:
// longer than any request may ask for.
const eventReach = 25 * time.Hour

// catalogueAtStart is how long recovery waits for the database, which knows what
// events the files hold that it finishes.
const catalogueAtStart = 5 * time.Second

// awaitCatalogue gives a database that is there the time to say so.
func (s *Server) awaitCatalogue(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, catalogueAtStart)
	defer cancel()
	_ = s.catalogue.Ready(ctx) // else what the journal has must do
}

// maxMissed bounds the events that one recovered file is found to hold.
const maxMissed = 10_000

// joinEvents adds the events of a recovered file's time that are in the catalogue by
// themselves: the kill came before the recorder had written their marks. It gives
// those that the file does not name.
func (s *Server) joinEvents(ctx context.Context, r *media.Recording) (missed []media.Event) {
	if known, err := s.catalogue.Record(ctx, r.ID); err == nil {
		for _, e := range known.Events {
			r.Events = media.JoinEvent(r.Events, e)
		}
	}
	named := map[media.ID]bool{}
	for _, e := range r.Events {
		named[e.ID] = true
	}
	q := media.EventQuery{
		Stream: r.Stream, Start: time.Unix(0, r.StartUTC).Add(-eventReach), End: time.Unix(0, r.EndUTC).Add(eventReach),
		Ascending: true, Limit: media.MaxLimit,
	}
	for len(missed) < maxMissed {
		page, err := s.catalogue.Events(ctx, q)
		if err == nil && page.Degraded {
			err = metadata.ErrUnavailable
		}
		if err != nil {
			s.log.Warn("not every event that a recovered file holds is known: it names those that it knew itself, and those that the journal has", "file", r.Path, "error", err)
		}
		for _, e := range page.Events {
			over := e.Start < r.EndUTC && e.End > r.StartUTC
			took := slices.ContainsFunc(e.Recordings, func(of media.EventRecording) bool { return of.ID == r.ID })
			if named[e.ID] || !over && !took {
				continue
			}
			missed = append(missed, e.Event)
			if r.Events = media.JoinEvent(r.Events, e.Event); r.Events[len(r.Events)-1].ID != e.ID {
				r.Beyond = append(r.Beyond, e.Event)
			}
		}
		if q.Cursor = page.Next; q.Cursor == "" || err != nil && !page.Degraded {
			break
		}
	}
	return missed
}

// protect grants a recovered file protection by the first of some events that wants it and
// may, and returns which.
func (s *Server) protect(r media.Recording, missed []media.Event) (by media.ID, granted bool) {
	if r.Protected {
		return by, false
	}
	for _, e := range missed {
		if e.Protect && s.protection.Grant(e.ID, r.Size) {
			return e.ID, true
		}
	}
	return by, false
}
