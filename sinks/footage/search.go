package footage

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/gospool/spool/pipeline/media"
)

// Index finds rows, and knows what this run of the recorder has said of them.
type Index interface {
	Records(ctx context.Context, q media.Query) (media.Page, error)
	// Changed is closed when the catalogue next learns of a recording.
	Changed() <-chan struct{}
	// Begun reports whether this run began a recording and has not ended it; AllBegun
	// returns those of this moment.
	Begun(id media.ID) bool
	AllBegun() map[media.ID]bool
	// Unmarked reports, without asking the database, that a recording is known to grow
	// and to have room for the name of an event that it does not name.
	Unmarked(id media.ID, ev *media.Event) bool
}

// ErrUnsettled says that a file of an event's time is not finished in time, or one that
// grows has not got the event's mark.
var ErrUnsettled = errors.New("a file of the event's time is not finished yet, or the one that grows has not got the mark")

// ErrDegraded says that the database does not answer, so that older recordings are not
// known.
var ErrDegraded = errors.New("the catalogue's database does not answer: older footage is not known")

// Search asks for the recordings of an event's time.
type Search struct {
	Stream string
	Event  media.Event
	// Took are the pipelines that have taken the event: the files of others are not
	// waited for, unless none has.
	Took []string
}

// Found are the recordings of an event's time.
type Found struct {
	Records []media.Record // whose files are here, oldest first
	Node    string         // of another recorder that has some of it; empty: none has
}

// NearestFirst returns the indices of the records, ordered by how far they are from a
// moment (UTC ns).
func (f Found) NearestFirst(at int64) []int {
	order := make([]int, len(f.Records))
	for i := range order {
		order[i] = i
	}
	far := func(r *media.Record) int64 { return max(r.StartUTC-at, at-r.EndUTC, 0) }
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(far(&f.Records[a]), far(&f.Records[b])) })
	return order
}

// Find lists the recordings of an event's time, once the files that ended before the
// recorder's mark got there are finished: they do not have it. It waits for that for at
// most Options.SearchWait and claims nothing. Beside an error it returns what it found.
func (s *Store) Find(ctx context.Context, q Search) (found Found, err error) {
	patience, stop := s.Clock.After(s.SearchWait)
	defer stop()
	for {
		changed := s.Index.Changed()
		begun := s.Index.AllBegun() // before their rows are read: one may end meanwhile
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

// here leaves out the recordings of other recorders on the same database, which mark
// their own.
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

// unmarked reports whether a recording that Find waits for is known to grow without the
// mark: many events at once do not ask the database after each other's.
func (s *Store) unmarked(q *Search, records []media.Record) bool {
	return slices.ContainsFunc(records, func(r media.Record) bool {
		return slices.Contains(q.Took, r.Pipeline) && s.Index.Unmarked(r.ID, &q.Event)
	})
}

// overlapping lists the recordings of the event's time, of other recorders too.
func (s *Store) overlapping(ctx context.Context, q *Search) (all []media.Record, err error) {
	select { // many events at once must not look like a database that is down
	case s.searching <- struct{}{}:
		defer func() { <-s.searching }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	query := media.Query{Stream: q.Stream, Start: time.Unix(0, q.Event.Start), End: time.Unix(0, q.Event.End), Ascending: true, Limit: media.MaxLimit}
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

// settled reports whether the files of the event's time are finished or name it, of those
// of the pipelines that took it, or of all where none did. A file of a run before this one
// is not waited for, though it may never have been finished.
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
			there = there || named || !growing && r.EndUTC >= q.Event.End
		}
	}
	return there
}

// full reports whether a recording names as many events as it may, without this one.
func full(r *media.Record, ev media.Event) bool {
	return !Names(r, ev.ID) && len(media.JoinEvent(r.Events, ev)) == len(r.Events)
}
