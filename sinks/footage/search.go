package footage

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/gospool/spool/pipeline/media"
)

// Index finds rows, and reports which recordings this process of the recorder is writing.
type Index interface {
	// Records returns a page of the rows that match a query.
	Records(ctx context.Context, q media.Query) (media.Page, error)
	// Changed returns a channel that is closed at the next change of a row by this process.
	Changed() <-chan struct{}
	// Begun reports whether this process began a recording and has not ended it.
	Begun(id media.ID) bool
	// AllBegun returns the recordings for which Begun returns true.
	AllBegun() map[media.ID]bool
	// Unmarked returns true for a growing recording of this process that does not name an event
	// and has room for it. It does not query the database; it returns false if it is unsure.
	Unmarked(id media.ID, ev *media.Event) bool
}

// ErrUnsettled reports that Options.SearchWait ended while Find still waited for a file that
// overlaps the event to be finished or to name the event.
var ErrUnsettled = errors.New("a file that overlaps the event is not finished yet, or a growing file is not marked yet")

// ErrDegraded reports that the database does not answer: the result holds only recordings with
// pending changes or growing files.
var ErrDegraded = errors.New("the catalogue's database does not answer: older footage is not known")

// Search selects the recordings of a stream that overlap an event.
type Search struct {
	Stream string
	Event  media.Event
	// Took names the pipelines that accepted the event, each of which adds it to its growing
	// file. Find waits for the files of these pipelines; if Took is empty, for all files.
	Took []string
}

// Found lists the recordings that overlap an event.
type Found struct {
	Records []media.Record // this recorder's recordings, oldest first
	Node    string         // another recorder on the same database with footage of the event; empty if no other has any
}

// NearestFirst returns the indices of Records, ordered by the distance of each recording from the
// time at, in nanoseconds since 1970 UTC. The distance is 0 if the recording includes the time.
func (f Found) NearestFirst(at int64) []int {
	order := make([]int, len(f.Records))
	for i := range order {
		order[i] = i
	}
	far := func(r *media.Record) int64 { return max(r.StartUTC-at, at-r.EndUTC, 0) }
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(far(&f.Records[a]), far(&f.Records[b])) })
	return order
}

// Find lists the recordings that overlap an event. Such a recording gets the event from its
// pipeline while its file grows; if it ends before that, the caller adds the event with AddEvent.
// Find therefore waits until each overlapping file of the pipelines in q.Took names the event or is
// finished, for at most Options.SearchWait. It claims no recording.
//
// Find returns ErrUnsettled after SearchWait, ErrDegraded, the errors of Index, and the cause of
// ctx. With an error it also returns the recordings that it has found so far.
func (s *Store) Find(ctx context.Context, q Search) (found Found, err error) {
	patience, stop := s.Clock.After(s.SearchWait)
	defer stop()
	for {
		changed := s.Index.Changed()
		begun := s.Index.AllBegun() // read before the rows: a recording may end meanwhile
		all, err := s.overlapping(ctx, &q)
		found = here(all)
		if err != nil || s.settled(&q, all, begun) {
			return found, err
		}
		for again := false; !again; {
			select {
			case <-changed:
				changed = s.Index.Changed()
				again = !s.unmarked(&q, found.Records)
			case <-patience:
				return found, ErrUnsettled
			case <-ctx.Done():
				return found, context.Cause(ctx)
			}
		}
	}
}

// here returns this recorder's recordings as Records and, as Node, the name of another recorder
// that has an overlapping recording. Each recorder adds the event to its own files only.
func here(all []media.Record) (f Found) {
	for _, r := range all {
		if r.Elsewhere {
			f.Node = r.Node
			continue
		}
		f.Records = append(f.Records, r)
	}
	return f
}

// unmarked reports whether the growing file of one of records, by a pipeline in q.Took, does not name
// the event yet. Find must then wait for another change, and need not query the database again: many
// events at once would otherwise cause a query after each change.
func (s *Store) unmarked(q *Search, records []media.Record) bool {
	return slices.ContainsFunc(records, func(r media.Record) bool {
		return slices.Contains(q.Took, r.Pipeline) && s.Index.Unmarked(r.ID, &q.Event)
	})
}

// overlapping lists the recordings that overlap the event, those of other recorders included.
func (s *Store) overlapping(ctx context.Context, q *Search) (all []media.Record, err error) {
	select { // too many queries at once would time out as if the database were down
	case s.searching <- struct{}{}:
		defer func() { <-s.searching }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	query := media.Query{Stream: q.Stream, Start: time.Unix(0, q.Event.StartUTC), End: time.Unix(0, q.Event.EndUTC), Ascending: true, Limit: media.MaxLimit}
	for {
		page, err := s.Index.Records(ctx, query)
		if err != nil {
			return all, err
		}
		all = append(all, page.Records...)
		switch {
		case page.Degraded:
			return all, ErrDegraded
		case page.Next == "":
			return all, nil
		}
		query.Cursor = page.Next
	}
}

// settled reports whether Find need not wait any longer. It returns true if each overlapping file
// of the pipelines in q.Took is finished or names the event, and at least one of these files names
// the event, or is finished and reaches the event's end. If q.Took is empty, each overlapping file
// must be finished or name the event.
//
// A file that an earlier process left unfinished counts as finished: it gets the event at recovery.
func (s *Store) settled(q *Search, all []media.Record, begun map[media.ID]bool) bool {
	there := len(q.Took) == 0
	for i := range all {
		r := &all[i]
		took, named := slices.Contains(q.Took, r.Pipeline), Names(r, q.Event.ID) || full(r, q.Event)
		if r.Elsewhere && !named {
			continue
		}
		growing := r.State == media.StateRecording && (begun[r.ID] || s.Index.Begun(r.ID))
		switch {
		case growing && (took || len(q.Took) == 0) && !named:
			return false
		case took:
			there = there || named || !growing && r.EndUTC >= q.Event.EndUTC
		}
	}
	return there
}

// full reports whether a recording does not name an event and cannot name it, because it already
// names its maximum of events.
func full(r *media.Record, ev media.Event) bool {
	return !Names(r, ev.ID) && len(media.JoinEvent(r.Events, ev)) == len(r.Events)
}
