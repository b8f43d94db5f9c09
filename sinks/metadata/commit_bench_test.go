package metadata

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata/database"
	"github.com/gospool/spool/sinks/metadata/journal"
)

// BenchmarkIndexOfTheLog measures the cost of waiting for the disk before SQLite writes to the
// index of its log (database/shm_vfs_unix.go). It runs the same statements by turns on two databases on
// one disk, one of which does not wait, and reports both medians and the ratio.
func BenchmarkIndexOfTheLog(b *testing.B) {
	const rows = 20_000
	var stores [2]*store
	for i, query := range []string{"", "?vfs=unix"} { // vfs=unix does not wait
		stores[i], _ = openedSQLite(b, query)
		generate(b, stores[i], rows)
	}
	next, revision := rows, int64(rows)
	put := func(n int) (ops []journal.Change) {
		for range n {
			revision++
			ops = append(ops, journal.Change{Kind: journal.Put, Revision: revision, Row: generated(b, next, next+1000)})
			next++
		}
		return ops
	}
	write := func(s *store, ops []journal.Change) {
		_, err := s.write(b.Context(), "a journal", []string{"node1"}, ops)
		require.NoError(b, err)
	}
	page := func(s *store) {
		a, err := parseQuery(media.Query{})
		require.NoError(b, err)
		got, _, err := s.page(b.Context(), &a)
		require.NoError(b, err)
		require.Len(b, got, media.DefaultLimit)
	}
	var ops []journal.Change
	for _, c := range []struct {
		what       string
		before, do func(*store)
		rows       int
	}{
		{"a row", func(*store) {}, func(s *store) { write(s, ops) }, 1},
		{"a batch", func(*store) {}, func(s *store) { write(s, ops) }, 256}, // OpenOptions.BatchSize
		{"a page", func(*store) {}, page, 1},
		{"a page behind a commit", func(s *store) { write(s, ops) }, page, 1},
	} {
		b.Run(c.what, func(b *testing.B) {
			var took [2][]time.Duration
			for b.Loop() {
				ops = put(c.rows)
				first := len(took[0]) % 2 // alternate which of the two goes first
				for _, i := range []int{first, 1 - first} {
					c.before(stores[i])
					began := time.Now()
					c.do(stores[i])
					took[i] = append(took[i], time.Since(began))
				}
			}
			waits, not := median(took[0]).Seconds()*1e6, median(took[1]).Seconds()*1e6
			b.ReportMetric(waits, "median-us")
			b.ReportMetric(not, "without-median-us")
			b.ReportMetric(waits/not, "ratio")
		})
	}
}

// openedSQLite opens a new SQLite database. query is the query of its DSN.
func openedSQLite(t testing.TB, query string) (s *store, file string) {
	file = filepath.Join(t.TempDir(), "spool.db")
	target, err := database.Parse("sqlite", file+query)
	require.NoError(t, err)
	reached, err := target.Open(t.Context())
	require.NoError(t, err)
	s = &store{DB: reached}
	t.Cleanup(func() { _ = s.Close() })
	return s, file
}
