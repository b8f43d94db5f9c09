package media

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// Limits of a page, in elements.
const (
	DefaultLimit = 100
	MaxLimit     = 1000
)

// Query selects recordings. The zero value selects the newest hundred.
type Query struct {
	Stream    string    // a path, or every path below one: live/*; empty or * for all
	Start     time.Time // recordings that ended after it; the zero time is no bound
	End       time.Time // recordings that began before it; the zero time is no bound
	State     State     // empty for all
	Protected *bool     // nil for all
	Ascending bool      // oldest first; by start, then ID
	Limit     int       // 0 for DefaultLimit; at most MaxLimit
	Cursor    string    // Next of the previous page; empty for the first page
	MaxBytes  int       // approximate bound of the lists of a page's recordings; a page has at least one. 0 is no bound
}

// Page is one page of recordings.
type Page struct {
	Records  []Record
	Next     string // the Cursor of the next page; empty on the last
	Degraded bool   // the database did not answer: the page comes from the journal alone
	Stalled  bool   // the database answers but accepts no writes: the page is complete

	Behind func(i int) string // returns the Cursor of a page that begins after Records[i]
}

// Record is a recording as the catalogue returns it.
type Record struct {
	Recording
	Node      string     // the recorder that made it and has its file
	Elsewhere bool       // Node is not the recorder that answers
	Locations []Location // places of its file: first that of Node, then all others
	Located   bool       // Locations come from the database; if false, further places may have the file
	Revision  int64      // increases with each change of the row
	Pending   bool       // the journal has changes of it that the database does not have yet
}

// Growing reports whether the file is being written. A file that a crash ended does not grow; it
// waits for recovery.
func (r *Record) Growing() bool { return r.State == StateRecording && r.EndReason == "" }

// WholeElsewhere reports whether another place than the disk of its recorder has the whole
// recording. sure is false if the database has not answered and the result is false.
func (r *Record) WholeElsewhere() (whole, sure bool) {
	for i := range r.Locations {
		if l := &r.Locations[i]; (l.Bucket != "" || l.Node != r.Node) && l.State.Whole() {
			return true, true
		}
	}
	return false, r.Located
}

// ErrQuery is the error of every invalid query.
var ErrQuery = errors.New("bad query")

// QueryError names the invalid field of a query and the reason. It is an ErrQuery.
type QueryError struct{ Field, Text string }

// Error returns the field and the reason.
func (e *QueryError) Error() string { return fmt.Sprintf("%v: %s: %s", ErrQuery, e.Field, e.Text) }

// Unwrap returns ErrQuery.
func (e *QueryError) Unwrap() error { return ErrQuery }

// Check returns a *QueryError if the query is invalid. The catalogue checks stream and cursor.
func (q *Query) Check() error {
	switch q.State {
	case "", StateRecording, StateFinished, StateRecovered, StateLost, StateRemote:
	default:
		return &QueryError{"state", fmt.Sprintf("%.40q is none of %s, %s, %s, %s, %s", q.State,
			StateRecording, StateFinished, StateRecovered, StateLost, StateRemote)}
	}
	return checkPage(q.Limit, q.Start, q.End)
}

// SpanNS returns the selected span of the wall clock, ns UTC: math.MinInt64 and math.MaxInt64 where
// it has no bound.
func (q *Query) SpanNS() (from, to int64) { return spanNS(q.Start, q.End) }

func checkPage(limit int, start, end time.Time) error {
	if limit < 0 || limit > MaxLimit {
		return &QueryError{"limit", fmt.Sprintf("%d is not between 1 and %d", limit, MaxLimit)}
	}
	if from, to := spanNS(start, end); from >= to {
		return &QueryError{"end", "it is not after start"}
	}
	return nil
}

func spanNS(start, end time.Time) (from, to int64) {
	return unixNano(start, math.MinInt64), unixNano(end, math.MaxInt64)
}

// unixNano returns a time as ns. A year that an int64 cannot hold is no bound.
func unixNano(t time.Time, open int64) int64 {
	switch y := t.Year(); {
	case t.IsZero():
		return open
	case y < 1678:
		return math.MinInt64
	case y > 2261:
		return math.MaxInt64
	}
	return t.UnixNano()
}

// EventQuery selects events. The zero value selects the newest hundred.
type EventQuery struct {
	Stream     string    // a path, or every path below one: live/*; empty or * for all
	Start, End time.Time // of the first trigger: [Start, End); the zero time for no bound
	Key, Name  string    // equal to; empty for all
	Ascending  bool      // oldest first; by first trigger, then ID
	Limit      int       // 0 for DefaultLimit; at most MaxLimit
	Cursor     string    // Next of the previous page; empty for the first page
	MaxBytes   int       // of what the events of a page list, about; it has one at least. 0 is no bound
}

// Check returns a *QueryError if the query is invalid.
func (q *EventQuery) Check() error { return checkPage(q.Limit, q.Start, q.End) }

// SpanNS returns the selected span of first triggers, ns UTC.
func (q *EventQuery) SpanNS() (from, to int64) { return spanNS(q.Start, q.End) }

// EventPage is one page of events.
type EventPage struct {
	Events   []EventRecord
	Next     string // the Cursor of the next page; empty on the last
	Degraded bool   // the database did not answer: the page comes from the journal alone

	Behind func(i int) string // returns the Cursor of a page that begins after Events[i]
}

// EventRecord is an event as the catalogue returns it.
type EventRecord struct {
	Event
	Stream string
	Node   string // the recorder that made it

	Recordings []EventRecording // recordings with media of it, oldest first, at most a hundred
	Total      int              // number of all such recordings
	GoneUTC    int64            // when the last of them was deleted; 0 if there are any, or there never were
}

// EventRecording is a recording with media of an event.
type EventRecording struct {
	ID               ID
	Node, Pipeline   string
	Elsewhere        bool // Node is not the recorder that answers
	Path             string
	State            State
	StartUTC, EndUTC int64
	SizeBytes        int64
	Protected        bool
}
