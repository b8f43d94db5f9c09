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

// A page is read by arms. One arm walks one index that yields keys in order, and stops at the page's
// size. The arms are merged and cut to the page, and only then are the rows themselves read:
//
//	SELECT r.* FROM (SELECT * FROM (arm UNION ALL arm ...) ORDER BY ... LIMIT n) JOIN r ORDER BY ...
//
// walk chooses the index of an arm, rather than the database: sqlite has no statistics until an
// ANALYZE, and MySQL's come from samples. PostgreSQL takes no hints and has better statistics of its
// own.

// maxPrefixArms bounds the streams of a prefix that are walked one by one, which reads no other
// row. For more streams the time index is walked and filtered.
const maxPrefixArms = 64

// page reads the next rows of a query, one by one, since a row may list thousands of gaps. It
// stops when they reach maxBytes; full is true then.
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
		// An arm has its own ORDER BY and LIMIT, which sqlite accepts only in a subquery.
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

// walk returns the index for the rows that began in the window, and the streams to walk one by
// one; "" stands for the query's own filter.
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

// after returns the first string behind all strings with a prefix, which must end in a slash.
func after(prefix string) string { return prefix[:len(prefix)-1] + string(rune('/'+1)) }

// began returns the arm for the rows that began in the window.
func (s *store) began(a *parsedQuery, index, stream string) *bun.SelectQuery {
	q := s.arm(a, index)
	if stream != "" {
		s.whereText(q, "r.stream", stream)
	} else {
		s.whereStream(q, "r.stream", a)
	}
	return a.whereStart(q, a.fromNS, a.toNS)
}

// reaching returns the arms for the rows that began before the window and end in or behind it, one
// for each length class.
func (s *store) reaching(a *parsedQuery) []*bun.SelectQuery {
	if a.after != nil && a.ascending && a.after.StartNS >= a.fromNS {
		return nil // earlier pages had all of these rows
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

func (s *store) whereStream(q *bun.SelectQuery, column string, a *parsedQuery) {
	if a.stream != "" {
		s.whereText(q, column, a.stream)
	}
	if a.prefix != "" {
		q.Where(column+" >= ?", a.prefix).Where(column+" < ?", after(a.prefix))
		if s.UTF16 { // its byte order differs for surrogate pairs, so that other strings lie between the two
			q.Where("substr("+column+", 1, ?) = ?", utf8.RuneCountInString(a.prefix), a.prefix)
		}
	}
}

// whereText compares a text exactly: MySQL's collations ignore spaces at its end.
func (s *store) whereText(q *bun.SelectQuery, column, text string) {
	q.Where(column+" = ?", text)
	if s.Driver == "mysql" {
		q.Where("CAST("+column+" AS BINARY) = ?", text)
	}
}

// whereStart bounds a walk to starts in [low, high) and behind the cursor. The
// cursor's start is a bound of its own, at which every database begins the walk of the index; the
// ID decides between equal starts.
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
