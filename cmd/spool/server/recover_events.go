package server

import (
	"context"
	"slices"
	"time"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata"
)

// eventReach is longer than the media that an event may have before and after its first trigger.
// joinEvents searches this far around a recording for its events.
const eventReach = 25 * time.Hour

// catalogueAtStart bounds the time that recovery waits for the database, which has the events of the
// files to recover.
const catalogueAtStart = 5 * time.Second

// awaitCatalogue waits until the database answers, for at most catalogueAtStart.
func (s *Server) awaitCatalogue(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, catalogueAtStart)
	defer cancel()
	_ = s.catalogue.Ready(ctx) // after an error recovery uses only the events in the journal
}

// maxMissed bounds the number of events that are added to one recovered recording.
const maxMissed = 10_000

// joinEvents adds to a recovered recording the events in the catalogue that overlap it or list it. The
// file may lack some of them, because the recorder crashed before it had added them. joinEvents returns
// the events that neither the file nor the row of the recording lists.
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
			s.log.Warn("the events of a recovered recording are incomplete: only those in its file and in the journal are known", "file", r.Path, "error", err)
		}
		for _, e := range page.Events {
			over := e.StartUTC < r.EndUTC && e.EndUTC > r.StartUTC
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

// protect decides whether a recovered recording must be protected: one of the missed events demands it,
// and the limits of protection allow it. It returns the first such event. granted is false if there is
// none, or if the recording is protected already.
func (s *Server) protect(r media.Recording, missed []media.Event) (by media.ID, granted bool) {
	if r.Protected {
		return by, false
	}
	for _, e := range missed {
		if e.Protect && s.protection.Grant(e.ID, r.SizeBytes) {
			return e.ID, true
		}
	}
	return by, false
}
