package footage

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/gospool/spool/pipeline/media"
)

// Index finds rows, and knows the updates that this run of the recorder has written.
type Index interface {
	Records(ctx context.Context, q media.Query) (media.Page, error)
	// Changed returns a channel that is closed at the catalogue's next update of a recording.
	Changed() <-chan struct{}
	// Begun reports whether this run began a recording and has not ended it yet. AllBegun
	// returns all such recordings.
	Begun(id media.ID) bool
	AllBegun() map[media.ID]bool
	// Unmarked reports, without a database query, that a recording grows, does not name
	// the event, and has room for it.
	Unmarked(id media.ID, ev *media.Event) bool
}

// ErrUnsettled reports that a file that overlaps an event was not finished in time, or that a
// growing file did not get the event's mark in time.
var ErrUnsettled = errors.New("a file that overlaps the event is not finished yet, or a growing file is not marked yet")

// ErrDegraded reports that the database does not answer, so that older recordings are
// unknown.
var ErrDegraded = errors.New("the catalogue's database does not answer: older footage is not known")

// Search selects the recordings that overlap an event.
type Search struct {
	Stream string
	Event  media.Event
	// Took names the pipelines that accepted the event. Find waits only for their files,
	// or for all files if it is empty.
	Took []string
}

// Found lists the recordings that overlap an event.
type Found struct {
	Records []media.Record // the recordings with a local file, oldest first
	Node    string         // another recorder that holds footage of the event; empty if there is no such recorder
}

// NearestFirst returns the indices of the records, ordered by their distance from a point in
// time (UTC ns).
func (f Found) NearestFirst(at int64) []int {
	order := make([]int, len(f.Records))
	for i := range order {
		order[i] = i
	}
	far := func(r *media.Record) int64 { return max(r.StartUTC-at, at-r.EndUTC, 0) }
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(far(&f.Records[a]), far(&f.Records[b])) })
	return order
}

// Find lists the recordings that overlap an event. It first waits, for at most
// Options.SearchWait, until files that end before the recorder's mark reached them are finished:
// those do not name the event. It takes no claim. With an error it also returns the records
// found so far.
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

// here leaves out the recordings of other recorders on the same database: each recorder marks
// its own.
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

// unmarked reports whether a recording that Find waits for still grows without the mark. It
// saves the database a query for each of many simultaneous events.
func (s *Store) unmarked(q *Search, records []media.Record) bool {
	return slices.ContainsFunc(records, func(r media.Record) bool {
		return slices.Contains(q.Took, r.Pipeline) && s.Index.Unmarked(r.ID, &q.Event)
	})
}

// overlapping lists the recordings that overlap the event, those of other recorders included.
func (s *Store) overlapping(ctx context.Context, q *Search) (all []media.Record, err error) {
	select { // many simultaneous events must not look like a database that is down
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

// settled reports whether the files that overlap the event are finished or name it: the files
// of the pipelines that accepted it, or all files if none did. It does not wait for files of an
// earlier run, even if they were never finished.
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

// full reports whether a recording does not name this event and names its maximum of others.
func full(r *media.Record, ev media.Event) bool {
	return !Names(r, ev.ID) && len(media.JoinEvent(r.Events, ev)) == len(r.Events)
}
