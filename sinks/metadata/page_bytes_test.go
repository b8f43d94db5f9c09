package metadata

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

const gapsOfLong = 1000

// long returns a recording with many gaps, as another program may have put it into the database.
func long(n int) media.Recording {
	rec := sample(n, fmt.Sprint("live/", n%3))
	rec.Gaps = nil
	for i := range gapsOfLong {
		rec.Gaps = append(rec.Gaps, media.Gap{Cause: media.GapRTPLoss, StartUTC: rec.StartUTC + int64(i)*1e6, DurationNS: 1e6})
	}
	return rec
}

// A page is bounded in bytes, whether the database has its rows or some are still pending.
func TestAPageIsBoundedInBytes(t *testing.T) {
	const most = 100 << 10 // a long recording has 70 KiB
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		c := open(t, driver, dsn)
		ready(t, c.Catalogue)
		want := 0
		add := func(n int) {
			for range n {
				put(t, c, long(want), sample(100+want, "small"))
				want++
			}
		}
		walk := func() {
			t.Helper()
			for _, ascending := range []bool{true, false} {
				seen := map[media.ID]bool{}
				pages := 0
				q := media.Query{Limit: 1000, MaxBytes: most, Ascending: ascending}
				for {
					p := records(t, c, q)
					require.NotEmpty(t, p.Records)
					gaps := 0
					for i := range p.Records {
						require.False(t, seen[p.Records[i].ID])
						seen[p.Records[i].ID] = true
						gaps += len(p.Records[i].Gaps)
					}
					require.LessOrEqual(t, gaps, 3*gapsOfLong)
					pages++
					if q.Cursor = p.Next; q.Cursor == "" {
						break
					}
				}
				require.Len(t, seen, 2*want)
				require.Greater(t, pages, want/3)
			}
			require.Len(t, records(t, c, media.Query{Limit: 1000}).Records, 2*want, "a query without a bound has none")
		}
		add(6)
		ready(t, c.Catalogue)
		walk()
		c.Catalogue.stop() // later changes stay pending
		add(3)
		walk()
	})
}

// A page reads no more rows than it returns.
func TestAPageOfLongRowsReadsNoMoreThanItHas(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		c := open(t, driver, dsn)
		ready(t, c.Catalogue)
		for n := range 8 {
			put(t, c, long(n))
		}
		ready(t, c.Catalogue)
		a, err := parseQuery(media.Query{Limit: 1000, MaxBytes: 1})
		require.NoError(t, err)
		rows, full, err := c.readPage(t.Context(), &a)
		require.NoError(t, err)
		require.True(t, full)
		require.Len(t, rows, 1)
	})
}

// A page of events is bounded in bytes, too.
func TestAPageOfEventsIsBoundedInBytes(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		c := open(t, driver, dsn)
		ready(t, c.Catalogue)
		const n = 3*footageAtOnce + 7
		for i := range n {
			rec := sample(i, "live/a")
			rec.Events = []media.Event{{ID: testID(10_000 + i), AtUTC: rec.StartUTC, StartUTC: rec.StartUTC, EndUTC: rec.EndUTC, Data: fmt.Appendf(nil, `{"n":"%0900d"}`, i)}}
			put(t, c, rec)
		}
		ready(t, c.Catalogue)
		seen := map[media.ID]bool{}
		q := media.EventQuery{Limit: 1000, MaxBytes: 1000}
		pages := 0
		for ; ; pages++ {
			p, err := c.Events(t.Context(), q)
			require.NoError(t, err)
			require.NotEmpty(t, p.Events)
			require.LessOrEqual(t, len(p.Events), footageAtOnce)
			for i := range p.Events {
				require.False(t, seen[p.Events[i].ID])
				require.Len(t, p.Events[i].Recordings, 1)
				seen[p.Events[i].ID] = true
			}
			if q.Cursor = p.Next; q.Cursor == "" {
				break
			}
		}
		require.Len(t, seen, n)
		require.Equal(t, 3, pages)
	})
}
