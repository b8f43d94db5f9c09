package metadata

import (
	"context"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata/database"
	"github.com/gospool/spool/sinks/metadata/row"
)

// A page of recordings is read by one statement. Each of its subqueries, the arms, reads the keys of
// rows from one index, in the order of the result, and at most as many as the page has. The statement
// merges these keys, takes those of the page, and only then reads the rows:
//
//	SELECT r.* FROM (SELECT * FROM (arm UNION ALL arm ...) ORDER BY ... LIMIT n) JOIN r ORDER BY ...
//
// store.walk chooses the index of an arm. The database would often choose a wrong one: SQLite has no
// statistics until an ANALYZE, and MySQL estimates them from samples. PostgreSQL accepts no hint, and
// chooses by its own, better statistics.

// maxPrefixArms bounds the number of streams below a prefix for each of which a page has a subquery
// (arm), which reads no row of another stream. If there are more streams, one arm reads the index
// of start times and filters by the prefix.
const maxPrefixArms = 64

// page reads the next rows of a query, at most a.limit. If a.maxBytes is set, it reads row by row,
// since a row may list thousands of gaps. It stops when the rows exceed a.maxBytes and another row
// follows, and then returns full true.
func (s *store) page(ctx context.Context, a *parsedQuery) (rows []*row.Row, full bool, err error) {
	q, err := s.plan(ctx, a)
	if err != nil {
		return nil, false, err
	}
	rows = make([]*row.Row, 0, a.limit)
	if a.maxBytes <= 0 {
		return rows, false, q.Scan(ctx, &rows)
	}
	found, err := q.Rows(ctx)
	if err != nil {
		return nil, false, err
	}
	defer found.Close()
	for bytes := 0; found.Next(); {
		if bytes > a.maxBytes {
			return rows, true, nil
		}
		r := new(row.Row)
		if err := s.RO.ScanRow(ctx, found, r); err != nil {
			return nil, false, err
		}
		bytes += r.Bytes()
		rows = append(rows, r)
	}
	return rows, false, found.Err()
}

// plan returns the statement for the next page of a query.
func (s *store) plan(ctx context.Context, a *parsedQuery) (*bun.SelectQuery, error) {
	arms, err := s.arms(ctx, a)
	if err != nil {
		return nil, err
	}
	keys := s.RO.NewSelect().TableExpr("(?) AS u", union(s.RO, arms)).Column("id", "start_ns").
		OrderExpr(a.order("u")).Limit(int64(a.limit))
	return s.RO.NewSelect().TableExpr("(?) AS k", keys).
		Join("JOIN spool_recordings AS r ON r.id = k.id").ColumnExpr("r.*").OrderExpr(a.order("k")), nil
}

func union(db *bun.DB, arms []*bun.SelectQuery) schema.QueryAppender {
	text := make([]string, len(arms))
	args := make([]any, len(arms))
	for i, q := range arms {
		// SQLite accepts the ORDER BY and LIMIT of an arm only in a subquery.
		text[i], args[i] = "SELECT * FROM (?) AS a", q
	}
	return db.NewRaw(strings.Join(text, " UNION ALL "), args...)
}

func (a *parsedQuery) order(table string) string {
	way := " DESC"
	if a.ascending {
		way = ""
	}
	return table + ".start_ns" + way + ", " + table + ".id" + way
}

func (s *store) arms(ctx context.Context, a *parsedQuery) ([]*bun.SelectQuery, error) {
	index, streams, err := s.walk(ctx, a)
	if err != nil {
		return nil, err
	}
	var arms []*bun.SelectQuery
	for _, stream := range streams {
		arms = append(arms, s.began(a, index, stream))
	}
	if a.fromNS != math.MinInt64 {
		arms = append(arms, s.reaching(a)...)
	}
	return arms, nil
}

// walk returns the index that the subqueries (arms) for the rows that begin in the window read, and
// the streams that get an arm each. The single stream "" stands for one arm for all streams that
// the query selects.
func (s *store) walk(ctx context.Context, a *parsedQuery) (index string, streams []string, err error) {
	switch {
	case a.state != "" && a.state != string(media.StateFinished):
		return database.IndexState, []string{""}, nil
	case a.protected == 1:
		return database.IndexProtected, []string{""}, nil
	case a.stream != "":
		return database.IndexStream, []string{a.stream}, nil
	case a.prefix == "":
		return database.IndexStart, []string{""}, nil
	}
	q := s.RO.NewSelect().TableExpr("spool_streams").Column("path").Limit(maxPrefixArms + 1)
	s.whereStream(q, "path", a)
	err = q.Scan(ctx, &streams)
	switch {
	case err != nil:
		return "", nil, err
	case len(streams) == 0 || len(streams) > maxPrefixArms:
		return database.IndexStart, []string{""}, nil
	}
	return database.IndexStream, streams, nil
}

// after returns the least string that is greater than every string that begins with prefix. The
// prefix must end in a slash.
func after(prefix string) string { return prefix[:len(prefix)-1] + string(rune('/'+1)) }

// began returns the subquery (arm) for the rows that begin in the window: those of the given stream
// or, if stream is "", those of the streams that the query selects.
func (s *store) began(a *parsedQuery, index, stream string) *bun.SelectQuery {
	q := s.arm(a, index)
	if stream != "" {
		s.whereText(q, "r.stream", stream)
	} else {
		s.whereStream(q, "r.stream", a)
	}
	return a.whereStart(q, a.fromNS, a.toNS)
}

// reaching returns the subqueries (arms) for the rows that begin before the window and end later
// than its begin: one for each length class.
func (s *store) reaching(a *parsedQuery) []*bun.SelectQuery {
	if a.after != nil && a.ascending && a.after.StartNS >= a.fromNS {
		return nil // these rows were on earlier pages
	}
	var arms []*bun.SelectQuery
	for class := 0; class <= row.SpanOpen; class++ {
		q := s.arm(a, database.IndexSpan).Where("r.span = ?", class)
		s.whereStream(q, "r.stream", a)
		lowNS := int64(math.MinInt64)
		if limitNS := row.SpanLimitNS(class); a.fromNS > math.MinInt64+limitNS {
			lowNS = a.fromNS - limitNS
		}
		a.whereStart(q, lowNS, a.fromNS)
		if class != row.SpanOpen {
			q.Where("r.end_ns > ?", a.fromNS)
		}
		arms = append(arms, q)
	}
	return arms
}

// arm returns a subquery of a page (an arm) that reads keys of rows from an index, with the query's
// filters by state and protection.
func (s *store) arm(a *parsedQuery, index string) *bun.SelectQuery {
	table := "spool_recordings AS r"
	switch s.Driver {
	case "sqlite":
		table += " INDEXED BY " + index
	case "mysql":
		table += " FORCE INDEX (" + index + ")"
	}
	q := s.RO.NewSelect().TableExpr(table).Column("r.id", "r.start_ns").OrderExpr(a.order("r")).Limit(int64(a.limit))
	if a.state != "" {
		q.Where("r.state = ?", a.state)
	}
	if a.protected >= 0 {
		q.Where("r.protected = ?", a.protected)
	}
	return q
}

// whereStream adds the query's filter by stream or by prefix; column holds the stream's path.
func (s *store) whereStream(q *bun.SelectQuery, column string, a *parsedQuery) {
	if a.stream != "" {
		s.whereText(q, column, a.stream)
	}
	if a.prefix != "" {
		q.Where(column+" >= ?", a.prefix).Where(column+" < ?", after(a.prefix))
		if s.UTF16 { // UTF-16 sorts surrogate pairs differently, so that other strings lie between the two bounds
			q.Where("substr("+column+", 1, ?) = ?", utf8.RuneCountInString(a.prefix), a.prefix)
		}
	}
}

// whereText adds a filter by an exact text. MySQL's collations ignore spaces at the end of a text, so
// that it needs a second comparison.
func (s *store) whereText(q *bun.SelectQuery, column, text string) {
	q.Where(column+" = ?", text)
	if s.Driver == "mysql" {
		q.Where("CAST("+column+" AS BINARY) = ?", text)
	}
}

// whereStart restricts a subquery (arm) to rows that begin in [lowNS, highNS) and follow the
// cursor. The start in the cursor becomes a bound of its own, so that the database begins to read
// the index there; the ID decides among rows with the same start.
func (a *parsedQuery) whereStart(q *bun.SelectQuery, lowNS, highNS int64) *bun.SelectQuery {
	if a.after != nil && a.ascending && a.after.StartNS >= lowNS {
		lowNS = a.after.StartNS
		q.Where("(r.start_ns > ? OR r.id > ?)", a.after.StartNS, a.after.ID)
	}
	if a.after != nil && !a.ascending && a.after.StartNS < highNS {
		q.Where("r.start_ns <= ?", a.after.StartNS).
			Where("(r.start_ns < ? OR r.id < ?)", a.after.StartNS, a.after.ID)
		highNS = math.MaxInt64
	}
	if lowNS != math.MinInt64 {
		q.Where("r.start_ns >= ?", lowNS)
	}
	if highNS != math.MaxInt64 {
		q.Where("r.start_ns < ?", highNS)
	}
	return q
}
