package media

import "time"

// EventQuery selects events. The zero value selects the newest hundred.
type EventQuery struct {
	Stream     string    // a path, or every path below one: live/*; empty or * for all
	Start, End time.Time // of the first trigger: [Start, End); the zero time for no bound
	Key, Name  string    // exactly; empty for all
	Ascending  bool      // oldest first; by first trigger, then ID
	Limit      int       // 0 for DefaultLimit; at most MaxLimit
	Cursor     string    // Next of the page before; empty for the first page
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
	Size             int64 // bytes
	Protected        bool
}
