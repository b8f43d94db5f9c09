package metadata

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/gospool/spool/pipeline/media"
)

// Query asks for recordings. The zero value asks for the newest hundred.
type Query struct {
	Stream    string      // a path, or every path below one: live/*; empty or * for all
	Start     time.Time   // only what ended after; the zero time for no bound
	End       time.Time   // only what began before; the zero time for no bound
	State     media.State // empty for all
	Protected *bool
	Ascending bool // oldest first; by start, then ID
	Limit     int  // 0 for 100; at most 1000
	Cursor    string
}

// Page is an answer.
type Page struct {
	Records  []Record
	Next     string // the Cursor of the page behind it; empty where there is none
	Degraded bool   // the database did not answer: only what the journal knows is here
}

// Limits of a page.
const (
	DefaultLimit = 100
	MaxLimit     = 1000
)

// ask is a query in the form that is carried out.
type ask struct {
	stream, prefix string // at most one is set
	from, to       int64  // ns; math.MinInt64 and MaxInt64 where open
	state          string
	protected      int // -1 for both
	ascending      bool
	limit          int
	after          *key // where the page before ended
}

// key is a row's place in the order.
type key struct {
	start int64
	id    string
}

func (k key) compare(o key) int {
	if c := compareInt(k.start, o.start); c != 0 {
		return c
	}
	return strings.Compare(k.id, o.id)
}

func (r *row) key() key { return key{r.StartNS, r.ID} }

func (q Query) ask() (a ask, err error) {
	a = ask{
		from: nanos(q.Start, math.MinInt64), to: nanos(q.End, math.MaxInt64),
		state: string(q.State), protected: -1, ascending: q.Ascending, limit: q.Limit,
	}
	if a.limit == 0 {
		a.limit = DefaultLimit
	}
	if a.limit < 0 || a.limit > MaxLimit {
		return a, fmt.Errorf("%w: limit %d is not between 1 and %d", ErrQuery, q.Limit, MaxLimit)
	}
	if a.from >= a.to {
		return a, fmt.Errorf("%w: start is not before end", ErrQuery)
	}
	if q.Protected != nil {
		a.protected = bit(*q.Protected)
	}
	if err := a.setState(q.State); err != nil {
		return a, err
	}
	if err := a.setStream(q.Stream); err != nil {
		return a, err
	}
	if q.Cursor != "" {
		k, err := decodeCursor(q.Cursor, a.mark())
		if err != nil {
			return a, err
		}
		a.after = &k
	}
	return a, nil
}

func (a *ask) setState(s media.State) error {
	switch s {
	case "", media.StateRecording, media.StateFinished, media.StateRecovered, media.StateLost:
		return nil
	}
	return fmt.Errorf("%w: state %.40q is none of %s, %s, %s, %s", ErrQuery, s,
		media.StateRecording, media.StateFinished, media.StateRecovered, media.StateLost)
}

func (a *ask) setStream(s string) error {
	if len(s) > maxStreamBytes || strings.ContainsRune(s, 0) || strings.ToValidUTF8(s, "") != s {
		return fmt.Errorf("%w: stream is too long or not plain text", ErrQuery)
	}
	below, deep := strings.CutSuffix(s, "/**")
	if !deep {
		below, deep = strings.CutSuffix(s, "/*")
	}
	switch {
	case deep:
		a.prefix = below + "/"
	case s != "*" && s != "**":
		a.stream = s
	}
	if strings.Contains(a.prefix+a.stream, "*") {
		return fmt.Errorf("%w: stream %.80q: * is only known at the end, behind a slash: live/*", ErrQuery, s)
	}
	return nil
}

// nanos is a time that the columns can hold; years beyond them are as good as no
// bound.
func nanos(t time.Time, open int64) int64 {
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

// matches is the query as a predicate, for what the database does not have yet.
func (a *ask) matches(r *row) bool {
	return (a.stream == "" || r.Stream == a.stream) && strings.HasPrefix(r.Stream, a.prefix) &&
		(a.state == "" || r.State == a.state) && (a.protected < 0 || r.Protected == a.protected) &&
		r.overlaps(a.from, a.to) && (a.after == nil || a.before(*a.after, r.key()))
}

// before is the order of the answer.
func (a *ask) before(x, y key) bool {
	if a.ascending {
		return x.compare(y) < 0
	}
	return x.compare(y) > 0
}
