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
	Start     time.Time // only what ended after; the zero time for no bound
	End       time.Time // only what began before; the zero time for no bound
	State     State     // empty for all
	Protected *bool     // nil for both
	Ascending bool      // oldest first; by start, then ID
	Limit     int       // 0 for DefaultLimit; at most MaxLimit
	Cursor    string    // Next of the page before; empty for the first page
	MaxBytes  int       // of what the recordings of a page list, about; it has one at least. 0 is no bound
}

// Page is one page of recordings.
type Page struct {
	Records  []Record
	Next     string // the Cursor of the next page; empty on the last
	Degraded bool   // the database did not answer: only what the journal knows is here
	Stalled  bool   // the database answers and takes no rows: the page is complete

	Behind func(i int) string // returns the Cursor of a page that begins behind Records[i]
}

// Record is a recording as the catalogue answers it.
type Record struct {
	Recording
	Node      string     // the recorder that made it and has its file
	Elsewhere bool       // that is another recorder than the one that answers
	Locations []Location // where its footage lies: first the recorder that has it, then every other place
	Located   bool       // the database has said so: else other places than the first may have it
	Revision  int64      // grows with each change of the row
	Pending   bool       // known from the journal; the database does not have all of it yet
}

// Growing reports whether the file of a recording is being written. One that a crash
// ended is not, and waits for recovery.
func (r *Record) Growing() bool { return r.State == StateRecording && r.EndReason == "" }

// WholeElsewhere reports whether another place than the disk of its recorder has all of a
// recording. Where the database has not answered that is not sure.
func (r *Record) WholeElsewhere() (whole, sure bool) {
	for i := range r.Locations {
		if l := &r.Locations[i]; (l.Bucket != "" || l.Node != r.Node) && l.State.Whole() {
			return true, true
		}
	}
	return false, r.Located
}

// ErrQuery is the error of every query that cannot be asked.
var ErrQuery = errors.New("bad query")

// QueryError says which field of a query cannot be asked, and why. It is an ErrQuery.
type QueryError struct{ Field, Text string }

// Error names the field and what is wrong with it.
func (e *QueryError) Error() string { return fmt.Sprintf("%v: %s: %s", ErrQuery, e.Field, e.Text) }

// Unwrap makes it an ErrQuery.
func (e *QueryError) Unwrap() error { return ErrQuery }

// Check says what is wrong with a query: a *QueryError. Stream and cursor are checked
// by the catalogue, which knows what it can hold.
func (q *Query) Check() error {
	switch q.State {
	case "", StateRecording, StateFinished, StateRecovered, StateLost, StateRemote:
	default:
		return &QueryError{"state", fmt.Sprintf("%.40q is none of %s, %s, %s, %s, %s", q.State,
			StateRecording, StateFinished, StateRecovered, StateLost, StateRemote)}
	}
	return checkPage(q.Limit, q.Start, q.End)
}

// SpanNS is the span of wall clock that a query asks for, in ns: math.MinInt64 and
// math.MaxInt64 where it is open.
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

// unixNano is a time that an int64 can hold; years beyond it are as good as no bound.
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
	Key, Name  string    // exactly; empty for all
	Ascending  bool      // oldest first; by first trigger, then ID
	Limit      int       // 0 for DefaultLimit; at most MaxLimit
	Cursor     string    // Next of the page before; empty for the first page
	MaxBytes   int       // of what the events of a page list, about; it has one at least. 0 is no bound
}

// Check says what is wrong with a query: a *QueryError.
func (q *EventQuery) Check() error { return checkPage(q.Limit, q.Start, q.End) }

// SpanNS is the span of first triggers that a query asks for, in ns.
func (q *EventQuery) SpanNS() (from, to int64) { return spanNS(q.Start, q.End) }

// EventPage is one page of events.
type EventPage struct {
	Events   []EventRecord
	Next     string // the Cursor of the next page; empty on the last
	Degraded bool   // the database did not answer: only what the journal knows is here

	Behind func(i int) string // returns the Cursor of a page that begins behind Events[i]
}

// EventRecord is an event as the catalogue answers it.
type EventRecord struct {
	Event
	Stream string
	Node   string // the recorder that made it

	Recordings []EventRecording // that hold media of it, oldest first, at most a hundred
	Total      int              // of all
	GoneUTC    int64            // ns, since when there is none any more; 0 while there is, or there never was
}

// EventRecording is a recording that holds media of an event.
type EventRecording struct {
	ID               ID
	Node, Pipeline   string
	Elsewhere        bool // another recorder than the one that answers has its file
	Path             string
	State            State
	StartUTC, EndUTC int64 // ns
	SizeBytes        int64 // bytes
	Protected        bool
}
