package metadata

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"slices"
	"strings"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata/row"
)

// parsedEventQuery is the checked form of a media.EventQuery. The window of parsedQuery selects by
// the time of the trigger (eventRow.AtNS).
type parsedEventQuery struct {
	parsedQuery
	key, name string // filters; empty: any
}

func parseEventQuery(q media.EventQuery) (a parsedEventQuery, err error) {
	a.parsedQuery, err = parseQuery(media.Query{Stream: q.Stream, Start: q.Start, End: q.End, Ascending: q.Ascending, Limit: q.Limit, MaxBytes: q.MaxBytes})
	if err != nil {
		return a, err
	}
	a.key, a.name = q.Key, q.Name
	if q.Cursor != "" {
		k, err := decodeCursor(q.Cursor, a.mark())
		if err != nil {
			return a, err
		}
		a.after = &k
	}
	return a, nil
}

// mark returns a checksum of the filters and of the order of a query of events. A cursor contains
// it, so that a cursor of another query is refused.
func (a *parsedEventQuery) mark() uint32 {
	return crc32.Checksum(fmt.Appendf(nil, "events %d %q %q", a.parsedQuery.mark(), a.key, a.name), checksums)
}

// matches reports whether an event belongs to the result of the query and follows the query's
// cursor.
func (a *parsedEventQuery) matches(r *eventRow) bool {
	return (a.stream == "" || r.Stream == a.stream) && strings.HasPrefix(r.Stream, a.prefix) &&
		r.AtNS >= a.fromNS && r.AtNS < a.toNS &&
		(a.key == "" || r.Key == a.key) && (a.name == "" || r.Name == a.name) &&
		(a.after == nil || a.before(*a.after, row.Key{StartNS: r.AtNS, ID: r.ID}))
}

// Events returns a page of the events that match a query, from the database and from the pending
// changes. While the database does not answer, the page is Degraded: it has the pending events
// only. For an invalid query the error is a media.ErrQuery or ErrCursor.
func (c *Catalogue) Events(ctx context.Context, q media.EventQuery) (media.EventPage, error) {
	a, err := parseEventQuery(q)
	if err != nil {
		return media.EventPage{}, err
	}
	var newer []*row.Row
	pending := c.pending.snapshot()
	for _, e := range pending {
		newer = append(newer, e.row)
	}
	alone := append(c.pending.events(), c.aside.events()...)
	newer = append(newer, alone...)
	slices.SortFunc(newer, func(x, y *row.Row) int { return cmp.Compare(x.Revision, y.Revision) })
	found, err := eventsOf(newer)
	if err != nil {
		return media.EventPage{}, err
	}
	var page media.EventPage
	var stored []eventRow
	err = c.read(ctx, func(ctx context.Context, s *store) error {
		stored, err = s.events(ctx, &a)
		return err
	})
	switch {
	case errors.Is(err, ErrUnavailable):
		page.Degraded = true
	case err != nil:
		return media.EventPage{}, err
	}
	if page.Events, page.Next, err = eventPage(&a, merged(stored, found)); err != nil {
		return media.EventPage{}, err
	}
	all := page.Events
	page.Behind = func(i int) string {
		return encodeCursor(row.Key{StartNS: all[i].AtUTC, ID: all[i].ID.String()}, a.mark())
	}
	for bytes, done := 0, 0; done < len(all); {
		if a.maxBytes > 0 && bytes > a.maxBytes {
			page.Events, page.Next = all[:done], page.Behind(done-1)
			break
		}
		some := all[done:min(done+footageAtOnce, len(all))]
		if err := c.addFootage(ctx, some, pending, alone); err != nil {
			return page, err
		}
		for i := range some {
			bytes += eventBytes(&some[i])
		}
		done += len(some)
	}
	return page, nil
}

// footageAtOnce is the most events whose recordings one statement reads.
const footageAtOnce = 200

// eventBytes returns the approximate size of an event as JSON.
func eventBytes(e *media.EventRecord) int {
	bytes := 512 + len(e.Stream) + len(e.Key) + len(e.Name) + len(e.Data)
	for i := range e.Recordings {
		bytes += 256 + 2*len(e.Recordings[i].Path)
	}
	return bytes
}

// merged joins stored events with newer, pending ones, and adds the newer events that are not
// stored.
func merged(stored, newer []eventRow) []eventRow {
	at := make(map[string]int, len(stored))
	for i := range stored {
		at[stored[i].ID] = i
	}
	for _, n := range newer { // eventsOf returned each event once
		i, known := at[n.ID]
		if !known {
			stored = append(stored, n)
		} else {
			n.GoneNS = stored[i].GoneNS
			stored[i] = stored[i].join(n)
		}
	}
	return stored
}

// eventPage returns the first a.limit of the matching rows, in the query's order. next is the
// cursor of the next page; it is empty if this page is the last one.
func eventPage(a *parsedEventQuery, rows []eventRow) (page []media.EventRecord, next string, err error) {
	rows = slices.DeleteFunc(rows, func(r eventRow) bool { return !a.matches(&r) })
	slices.SortFunc(rows, func(x, y eventRow) int {
		c := row.Key{StartNS: x.AtNS, ID: x.ID}.Compare(row.Key{StartNS: y.AtNS, ID: y.ID})
		if !a.ascending {
			return -c
		}
		return c
	})
	if len(rows) > a.limit {
		rows = rows[:a.limit]
		last := rows[a.limit-1]
		next = encodeCursor(row.Key{StartNS: last.AtNS, ID: last.ID}, a.mark())
	}
	page = make([]media.EventRecord, len(rows))
	for i, r := range rows {
		id, err := media.ParseID(r.ID)
		if err != nil {
			return nil, "", fmt.Errorf("catalogue event: %w", err)
		}
		page[i] = media.EventRecord{Stream: r.Stream, Node: r.Node, Event: media.Event{
			ID: id, Key: r.Key, Name: r.Name, AtUTC: r.AtNS, StartUTC: r.StartNS, EndUTC: r.EndNS, ActualUTC: r.ActualNS, Protect: r.Protect != 0,
		}, GoneUTC: r.GoneNS}
		if r.Data != "" {
			page[i].Data = json.RawMessage(r.Data)
		}
	}
	return page, next, nil
}

// events reads the rows of a page from the database, and the row that follows the page, if there is
// one.
func (s *store) events(ctx context.Context, a *parsedEventQuery) ([]eventRow, error) {
	var rows []eventRow
	q := s.RO.NewSelect().Model(&rows).Limit(int64(a.limit) + 1)
	way := "DESC"
	if a.ascending {
		way = "ASC"
	}
	q.OrderExpr("e.at_ns " + way + ", e.id " + way)
	s.whereStream(q, "e.stream", &a.parsedQuery)
	if a.key != "" {
		s.whereText(q, "e.event_key", a.key)
	}
	if a.name != "" {
		s.whereText(q, "e.name", a.name)
	}
	if a.fromNS != math.MinInt64 {
		q.Where("e.at_ns >= ?", a.fromNS)
	}
	if a.toNS != math.MaxInt64 {
		q.Where("e.at_ns < ?", a.toNS)
	}
	if k := a.after; k != nil && a.ascending {
		q.Where("e.at_ns >= ?", k.StartNS).Where("(e.at_ns > ? OR e.id > ?)", k.StartNS, k.ID)
	} else if k != nil {
		q.Where("e.at_ns <= ?", k.StartNS).Where("(e.at_ns < ? OR e.id < ?)", k.StartNS, k.ID)
	}
	return rows, q.Scan(ctx)
}
