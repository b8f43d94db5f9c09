package metadata

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata/database"
	"github.com/gospool/spool/sinks/metadata/row"
)

// generate fills the table with n rows: a hundred streams that record side by
// side, minute by minute, with a few long, lost, growing and protected rows.
func generate(t testing.TB, s *store, n int) {
	t.Helper()
	const batch = 1000
	for at := 0; at < n; at += batch {
		rows := make([]*row.Row, 0, batch)
		for i := at; i < min(at+batch, n); i++ {
			rows = append(rows, generated(t, i, n))
		}
		require.NoError(t, s.RW.RunInTx(context.Background(), nil, func(ctx context.Context, tx bun.Tx) error {
			return s.upsert(ctx, tx, rows)
		}))
	}
	for _, q := range map[string][]string{
		"sqlite": {"ANALYZE"}, "postgres": {"VACUUM ANALYZE spool_recordings"}, "mysql": {"ANALYZE TABLE spool_recordings"},
	}[s.Driver] {
		_, err := s.RW.ExecContext(context.Background(), q)
		require.NoError(t, err)
	}
}

func generated(t testing.TB, i, n int) *row.Row {
	rec := sample(i/100, fmt.Sprintf("live/%d/%02d/cam", i%10, i%100))
	rec.Path = fmt.Sprintf("%d.mp4", i)
	rec.StartUTC += int64(i%100) * int64(time.Millisecond)
	rec.EndUTC = rec.StartUTC + int64(time.Minute)
	rec.Protected = i%5000 == 7
	switch {
	case i%3000 == 11:
		rec.EndUTC = rec.StartUTC + int64(30*time.Hour)
	case i%7000 == 13:
		rec.State = media.StateLost
	case i >= n-50:
		rec.State = media.StateRecording
	}
	r, err := row.Of(rec, "node1")
	require.NoError(t, err)
	r.Revision = int64(i) + 1
	return r
}

// questions returns the queries for which the indexes exist, on a table of n rows.
func questions(n int) map[string]media.Query {
	yes := true
	middle := base.Add(time.Duration(n/200) * time.Minute)
	deep := sample(n/200, "live/2/42/cam")
	return map[string]media.Query{
		"newest":                 {},
		"oldest":                 {Ascending: true},
		"stream":                 {Stream: "live/2/42/cam"},
		"stream, deep page":      {Stream: "live/2/42/cam", Cursor: cursorAt(media.Query{Stream: "live/2/42/cam"}, deep)},
		"deep page":              {Cursor: cursorAt(media.Query{}, deep)},
		"prefix of one":          {Stream: "live/2/42/*"},
		"prefix of ten":          {Stream: "live/2/*"},
		"prefix in a window":     {Stream: "live/2/*", Start: middle, End: middle.Add(10 * time.Minute)},
		"prefix of all":          {Stream: "live/*"},
		"window":                 {Start: middle, End: middle.Add(10 * time.Minute)},
		"window, oldest first":   {Start: middle, End: middle.Add(10 * time.Minute), Ascending: true},
		"an instant of a stream": {Stream: "live/2/42/cam", Start: middle, End: middle.Add(time.Second), Ascending: true},
		"stream since":           {Stream: "live/2/42/cam", Start: middle, Ascending: true},
		"stream until":           {Stream: "live/2/42/cam", End: middle},
		"lost":                   {State: media.StateLost},
		"growing":                {State: media.StateRecording},
		"lost of a stream":       {State: media.StateLost, Stream: "live/3/13/cam"},
		"protected":              {Protected: &yes},
		"protected in a window":  {Protected: &yes, Start: middle, End: middle.Add(24 * time.Hour)},
	}
}

func cursorAt(q media.Query, rec media.Recording) string {
	a, _ := parseQuery(q)
	return encodeCursor(row.Key{StartNS: rec.StartUTC, ID: rec.ID.String()}, a.mark())
}

// explain returns the database's plan of a query, as text.
func explain(t testing.TB, s *store, q media.Query) string {
	t.Helper()
	a, err := parseQuery(q)
	require.NoError(t, err)
	a.limit++
	sel, err := s.plan(t.Context(), &a)
	require.NoError(t, err)
	return planOf(t, s, sel.String())
}

// planOf returns the plan of a statement.
func planOf(t testing.TB, s *store, statement string) string {
	t.Helper()
	verb := map[string]string{"sqlite": "EXPLAIN QUERY PLAN ", "postgres": "EXPLAIN ", "mysql": "EXPLAIN "}[s.Driver]
	rows, err := s.RO.QueryContext(t.Context(), verb+statement)
	require.NoError(t, err)
	defer rows.Close()
	cols, err := rows.Columns()
	require.NoError(t, err)
	var out strings.Builder
	for rows.Next() {
		vals := make([]any, len(cols))
		for i := range vals {
			vals[i] = new(any)
		}
		require.NoError(t, rows.Scan(vals...))
		for _, v := range vals {
			x := *(v.(*any))
			if b, ok := x.([]byte); ok {
				x = string(b)
			}
			fmt.Fprintf(&out, "%v | ", x)
		}
		out.WriteByte('\n')
	}
	require.NoError(t, rows.Err())
	return out.String()
}

// walksTable returns the line of a plan that reads the whole table of recordings; "": no line does.
func walksTable(driver, plan string) string {
	for line := range strings.Lines(plan) {
		whole := map[string]bool{
			"sqlite":   strings.Contains(line, "SCAN r") && !strings.Contains(line, "USING"),
			"postgres": strings.Contains(line, "Seq Scan on spool_recordings"),
			"mysql":    strings.Contains(line, "| r |") && strings.Contains(line, "| ALL |"),
		}[driver]
		if whole {
			return line
		}
	}
	return ""
}

func TestEveryQueryUsesAnIndex(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		c := open(t, driver, dsn)
		s := c.store.Load()
		generate(t, s, 20000)
		for name, q := range questions(20000) {
			plan := explain(t, s, q)
			require.Contains(t, plan, "spool_recordings_", "%s:\n%s", name, plan)
			require.Empty(t, walksTable(driver, plan), "%s:\n%s", name, plan)
			require.NotEmpty(t, records(t, c, q).Records, name)
			if driver == "mysql" { // the database that counts them
				most := int64(12 * media.DefaultLimit)
				if name == "prefix of ten" { // a page of each stream
					most *= 10
				}
				require.LessOrEqual(t, rowsRead(t, s, q), most, "%s reads more than its page needs:\n%s", name, plan)
			}
		}
	})
}

// rowsRead returns the number of rows and index entries that MySQL reads for a page.
func rowsRead(t *testing.T, s *store, q media.Query) (n int64) {
	t.Helper()
	a, err := parseQuery(q)
	require.NoError(t, err)
	a.limit++
	sel, err := s.plan(t.Context(), &a)
	require.NoError(t, err)
	conn, err := s.RO.Conn(t.Context()) // the counters are those of a session
	require.NoError(t, err)
	defer conn.Close()
	each := func(statement string, scan func(*sql.Rows)) {
		rows, err := conn.QueryContext(t.Context(), statement)
		require.NoError(t, err)
		defer rows.Close()
		for rows.Next() {
			scan(rows)
		}
		require.NoError(t, rows.Err())
	}
	_, err = conn.ExecContext(t.Context(), "FLUSH STATUS")
	require.NoError(t, err)
	each(sel.String(), func(*sql.Rows) {})
	each("SHOW SESSION STATUS LIKE 'Handler_read%'", func(rows *sql.Rows) {
		var name string
		var reads int64
		require.NoError(t, rows.Scan(&name, &reads))
		n += reads
	})
	return n
}

// BenchmarkPage runs each query on a million rows (SPOOL_BENCH_ROWS for another number) on each
// database, and logs the plans with -v.
func BenchmarkPage(b *testing.B) {
	withRows(b, func(b *testing.B, s *store, n int) {
		for name, q := range questions(n) {
			b.Run(name, func(b *testing.B) { benchPage(b, s, q) })
		}
	})
}

// withRows calls measure for each database, filled with a million rows or SPOOL_BENCH_ROWS.
func withRows(b *testing.B, measure func(b *testing.B, s *store, n int)) {
	n := 1000000
	if v, err := strconv.Atoi(os.Getenv("SPOOL_BENCH_ROWS")); err == nil {
		n = v
	}
	for _, driver := range []string{"sqlite", "postgres", "mysql"} {
		b.Run(driver, func(b *testing.B) {
			target, err := database.Parse(driver, servers.Fresh(b, driver))
			require.NoError(b, err)
			reached, err := target.Open(b.Context())
			require.NoError(b, err)
			s := &store{DB: reached}
			b.Cleanup(func() { _ = s.Close() })
			generate(b, s, n)
			measure(b, s, n)
		})
	}
}

func benchPage(b *testing.B, s *store, q media.Query) {
	b.Log(explain(b, s, q))
	took := make([]time.Duration, 0, 1024)
	rows := 0
	for b.Loop() {
		a, err := parseQuery(q)
		require.NoError(b, err)
		a.limit++
		began := time.Now()
		got, _, err := s.page(b.Context(), &a)
		require.NoError(b, err)
		took, rows = append(took, time.Since(began)), len(got)
	}
	b.ReportMetric(median(took).Seconds()*1000, "median-ms")
	b.ReportMetric(float64(rows), "rows")
}

// BenchmarkFill adds locations to a million rows of an earlier version (SPOOL_BENCH_ROWS for another
// number), on each database. Another writer waits for at most one batch.
func BenchmarkFill(b *testing.B) {
	withRows(b, func(b *testing.B, s *store, n int) {
		c := &Catalogue{log: slog.New(slog.NewTextHandler(os.Stderr, nil))}
		c.opts.defaults()
		c.opts.QueryTimeout = 5 * time.Second
		c.store.Store(s)
		c.up.Store(true)
		for b.Loop() {
			benchFill(b, c)
		}
		var filled int
		require.NoError(b, s.RO.NewRaw("SELECT COUNT(*) FROM spool_locations").Scan(b.Context(), &filled))
		require.Equal(b, n, filled)
	})
}

func benchFill(b *testing.B, c *Catalogue) {
	var took []time.Duration
	var heap uint64
	last := time.Now()
	require.NoError(b, c.finishTask(b.Context(), locating, func(ctx context.Context, s *store, tx bun.Tx, at string) (string, int64, error) {
		now := time.Now()
		took, last = append(took, now.Sub(last)), now
		if len(took)%100 == 0 {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			heap = max(heap, m.HeapInuse)
		}
		return s.locateBatch(ctx, tx, at)
	}))
	b.ReportMetric(median(took).Seconds()*1000, "batch-median-ms")
	b.ReportMetric(took[len(took)-1].Seconds()*1000, "batch-longest-ms") // sorted by median
	b.ReportMetric(float64(heap)/1e6, "heap-MB")
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}
