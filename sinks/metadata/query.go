package metadata

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata/database"
	"github.com/gospool/spool/sinks/metadata/row"
)

// ask is a query in the form that is carried out.
type ask struct {
	stream, prefix string // at most one is set
	from, to       int64  // ns; math.MinInt64 and MaxInt64 where open
	state          string
	protected      int // -1 for both
	ascending      bool
	limit          int
	after          *row.Key // where the page before ended
}

func askOf(q media.Query) (a ask, err error) {
	if err := q.Check(); err != nil {
		return a, err
	}
	a = ask{state: string(q.State), protected: -1, ascending: q.Ascending, limit: cmp.Or(q.Limit, media.DefaultLimit)}
	a.from, a.to = q.SpanNS()
	if q.Protected != nil {
		a.protected = row.Bit(*q.Protected)
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

func (a *ask) setStream(s string) error {
	if len(s) > database.MaxStreamBytes || strings.ContainsRune(s, 0) || strings.ToValidUTF8(s, "") != s {
		return fmt.Errorf("%w: stream is too long or not plain text", media.ErrQuery)
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
		return fmt.Errorf("%w: stream %.80q: * is only known at the end, behind a slash: live/*", media.ErrQuery, s)
	}
	return nil
}

// matches is the query as a predicate, for what the database does not have yet.
func (a *ask) matches(r *row.Row) bool {
	return (a.stream == "" || r.Stream == a.stream) && strings.HasPrefix(r.Stream, a.prefix) &&
		(a.state == "" || r.State == a.state) && (a.protected < 0 || r.Protected == a.protected) &&
		r.Overlaps(a.from, a.to) && (a.after == nil || a.before(*a.after, r.Key()))
}

// before is the order of the answer.
func (a *ask) before(x, y row.Key) bool {
	if a.ascending {
		return x.Compare(y) < 0
	}
	return x.Compare(y) > 0
}
