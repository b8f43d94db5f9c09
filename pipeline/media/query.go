package media

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// The limits of a page, in recordings or events.
const (
	DefaultLimit = 100
	MaxLimit     = 1000
)

// Query selects recordings. The zero value selects the newest DefaultLimit recordings.
type Query struct {
	Stream    string    // a path, or all paths below one (live/*); empty or * for all
	Start     time.Time // recordings that end after it; the zero time is no bound
	End       time.Time // recordings that begin before it; the zero time is no bound
	State     State     // empty for all
	Protected *bool     // nil for all
	Ascending bool      // oldest first instead of newest first; ordered by start, then ID
	Limit     int       // 0 for DefaultLimit; at most MaxLimit
	Cursor    string    // Next of the previous page; empty for the first page
	// Approximate bound of the bytes in the lists (events, gaps, anchors) of a page's recordings; a page has at
	// least one recording. 0 is no bound.
	MaxBytes int
}

// Page is one page of recordings.
type Page struct {
	Records  []Record
	Next     string // the Cursor of the next page; empty on the last
	Degraded bool   // the database did not answer: the page comes from the journal alone
	Stalled  bool   // the database answers but accepts no writes; the page is complete

	Behind func(i int) string // returns the Cursor of a page that begins after Records[i]
}

// Record is a recording as the catalogue returns it.
type Record struct {
	Recording
	Node      string     // the recorder that made the file and has it
	Elsewhere bool       // Node is not the recorder that answers the query
	Locations []Location // places of the file: first the disk of Node, then the other known places
	Located   bool       // the database returned Locations; if false, further places may have the file
	Revision  int64      // number that increases with each change of the row
	Pending   bool       // the journal has changes of the recording that the database does not have yet
}

// Growing reports whether the file is being written. It returns false for a file that a crash left unfinished:
// that file waits for recovery.
func (r *Record) Growing() bool { return r.State == StateRecording && r.EndReason == "" }

// WholeElsewhere reports whether a place other than the disk of the recording's node has the whole file. If the
// database has not answered, false may be wrong, and sure is false.
func (r *Record) WholeElsewhere() (whole, sure bool) {
	for i := range r.Locations {
		if l := &r.Locations[i]; (l.Bucket != "" || l.Node != r.Node) && l.State.Whole() {
			return true, true
		}
	}
	return false, r.Located
}

// ErrQuery is the error that every QueryError wraps.
var ErrQuery = errors.New("bad query")

// QueryError names the invalid field of a query and the reason.
type QueryError struct{ Field, Text string }

// Error returns the field and the reason.
func (e *QueryError) Error() string { return fmt.Sprintf("%v: %s: %s", ErrQuery, e.Field, e.Text) }

// Unwrap returns ErrQuery.
func (e *QueryError) Unwrap() error { return ErrQuery }

// Check returns a *QueryError if the query is invalid. It does not check Stream and Cursor; the catalogue does.
func (q *Query) Check() error {
	switch q.State {
	case "", StateRecording, StateFinished, StateRecovered, StateLost, StateRemote:
	default:
		return &QueryError{"state", fmt.Sprintf("%.40q is none of %s, %s, %s, %s, %s", q.State,
			StateRecording, StateFinished, StateRecovered, StateLost, StateRemote)}
	}
	return checkPage(q.Limit, q.Start, q.End)
}

// BoundsUTC returns the begin and the end of the selected interval of the wall clock: math.MinInt64 or
// math.MaxInt64 where it has no bound.
func (q *Query) BoundsUTC() (fromUTC, toUTC int64) { return boundsUTC(q.Start, q.End) }

func checkPage(limit int, start, end time.Time) error {
	if limit < 0 || limit > MaxLimit {
		return &QueryError{"limit", fmt.Sprintf("%d is not between 1 and %d", limit, MaxLimit)}
	}
	if fromUTC, toUTC := boundsUTC(start, end); fromUTC >= toUTC {
		return &QueryError{"end", "it is not after start"}
	}
	return nil
}

func boundsUTC(start, end time.Time) (fromUTC, toUTC int64) {
	return unixNano(start, math.MinInt64), unixNano(end, math.MaxInt64)
}

// unixNano returns a time as ns UTC, and open for the zero time. It returns the least or largest int64 for a
// year that an int64 cannot hold.
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

// EventQuery selects events. The zero value selects the newest DefaultLimit events.
type EventQuery struct {
	Stream     string    // a path, or all paths below one (live/*); empty or * for all
	Start, End time.Time // bounds of the first trigger, End excluded; the zero time is no bound
	Key, Name  string    // exact values; empty for all
	Ascending  bool      // oldest first instead of newest first; ordered by first trigger, then ID
	Limit      int       // 0 for DefaultLimit; at most MaxLimit
	Cursor     string    // Next of the previous page; empty for the first page
	// Approximate bound of the bytes in the lists of a page's events; a page has at least one event. 0 is no
	// bound.
	MaxBytes int
}

// Check returns a *QueryError if the query is invalid.
func (q *EventQuery) Check() error { return checkPage(q.Limit, q.Start, q.End) }

// BoundsUTC returns the begin and the end of the interval in which the first trigger of a selected event lies,
// as Query.BoundsUTC does.
func (q *EventQuery) BoundsUTC() (fromUTC, toUTC int64) { return boundsUTC(q.Start, q.End) }

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
	Node   string // the recorder that made the event

	Recordings []EventRecording // recordings with media of the event, oldest first, at most a hundred
	Total      int              // number of all recordings with media of the event
	// GoneUTC is the moment when the last recording with media of the event was deleted. It is 0 while such a
	// recording exists, and if none ever existed.
	GoneUTC int64
}

// EventRecording is a recording with media of an event.
type EventRecording struct {
	ID               ID
	Node, Pipeline   string
	Elsewhere        bool // Node is not the recorder that answers the query
	Path             string
	State            State
	StartUTC, EndUTC int64
	SizeBytes        int64
	Protected        bool
}
