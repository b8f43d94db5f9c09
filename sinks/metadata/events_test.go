package metadata

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata/row"
)

func eventNo(n int, at time.Duration) media.Event {
	t := base.Add(at).UnixNano()
	return media.Event{
		ID: media.EventID("live/x", string(rune('a'+n))), Key: string(rune('a' + n)), Name: []string{"door", "motion"}[n%2],
		AtUTC: t, StartUTC: t - 10e9, EndUTC: t + 10e9, Data: json.RawMessage(`{"n":"` + string(rune('a'+n)) + `"}`),
	}
}

// TestEventsOfSeveralRecordingsAreJoined puts three files of one event in another order than they were
// recorded: the event has the whole span, before and after the database has it.
func TestEventsOfSeveralRecordingsAreJoined(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		c := open(t, driver, dsn)
		first, later := eventNo(0, 0), eventNo(0, 30*time.Second)
		later.Protect, later.Name = true, "door again"
		want := first.Join(later)
		var last media.Recording
		for round, e := range []media.Event{later, first, want} {
			rec := sample(round, "live/x")
			rec.Events = []media.Event{e, eventNo(round+1, time.Minute)}
			put(t, c, rec)
			last = rec
		}
		check := func() {
			page, err := c.Events(t.Context(), media.EventQuery{Key: "a"})
			require.NoError(t, err)
			require.Len(t, page.Events, 1)
			require.Equal(t, want, page.Events[0].Event)
			require.Equal(t, "live/x", page.Events[0].Stream)
			require.Equal(t, "node1", page.Events[0].Node)
			got, err := c.Record(t.Context(), last.ID)
			require.NoError(t, err)
			require.Equal(t, []media.ID{first.ID, eventNo(3, 0).ID}, []media.ID{got.Events[0].ID, got.Events[1].ID})
		}
		check()
		require.NoError(t, c.Flush(t.Context()))
		check()
	})
}

// TestEventPagesHoldEachEventOnce, in order, when the database has it, when only the journal has
// it, and when both have it.
func TestEventPagesHoldEachEventOnce(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		c := open(t, driver, dsn)
		var all []media.Event
		for i := range 20 {
			if i == 15 {
				require.NoError(t, c.Flush(t.Context()))
				c.Catalogue.stop()
			}
			e := eventNo(i, time.Duration(i%7)*time.Minute) // several at the same time
			rec := sample(i, "live/x")
			rec.Stream = []string{"live/x", "live/y", "other"}[i%3]
			rec.Events = []media.Event{e}
			put(t, c, rec)
			all = append(all, e)
		}
		for _, q := range []media.EventQuery{
			{}, {Ascending: true}, {Stream: "live/*"}, {Stream: "other", Ascending: true}, {Name: "door"}, {Key: "c"},
			{Start: base.Add(2 * time.Minute), End: base.Add(5 * time.Minute)}, {Stream: "nobody"},
		} {
			var want []media.ID
			for i, e := range all {
				stream := []string{"live/x", "live/y", "other"}[i%3]
				in := (q.Stream == "" || q.Stream == stream || strings.HasPrefix(q.Stream, "live/") && stream != "other") &&
					(q.Name == "" || q.Name == e.Name) && (q.Key == "" || q.Key == e.Key) &&
					(q.Start.IsZero() || e.AtUTC >= q.Start.UnixNano() && e.AtUTC < q.End.UnixNano())
				if in {
					want = append(want, e.ID)
				}
			}
			order := map[media.ID]int64{}
			for _, e := range all {
				order[e.ID] = e.AtUTC
			}
			slices.SortFunc(want, func(x, y media.ID) int {
				d := cmp.Or(cmp.Compare(order[x], order[y]), cmp.Compare(x.String(), y.String()))
				if q.Ascending {
					return d
				}
				return -d
			})
			var got []media.ID
			for q.Limit = 3; ; {
				page, err := c.Events(t.Context(), q)
				require.NoError(t, err)
				require.False(t, page.Degraded)
				for _, e := range page.Events {
					got = append(got, e.ID)
				}
				if q.Cursor = page.Next; q.Cursor == "" {
					break
				}
			}
			require.Equal(t, want, got, "%+v", q)
		}
		c.Catalogue.stop = c.opts.Tasks.Keep("catalogue", pipeline.Backoff{}, func(ctx context.Context) error { return c.apply(ctx, 0) })
		ready(t, c.Catalogue)
	})
}

func TestEventQueriesAreChecked(t *testing.T) {
	c := open(t, "sqlite", servers.Fresh(t, "sqlite"))
	rec := sample(1, "live/x")
	rec.Events = []media.Event{eventNo(1, 0), eventNo(2, 0)}
	put(t, c, rec)
	page, err := c.Events(t.Context(), media.EventQuery{Limit: 1})
	require.NoError(t, err)
	for _, q := range []media.EventQuery{
		{Limit: 1001}, {Limit: -1}, {Stream: "a*b"}, {Cursor: "x"}, {Cursor: page.Next, Key: "b"}, {Cursor: page.Next, Ascending: true},
		{Start: base, End: base},
	} {
		_, err := c.Events(t.Context(), q)
		require.Error(t, err, "%+v", q)
	}
	recs, err := c.Records(t.Context(), media.Query{Limit: 1})
	require.NoError(t, err)
	require.Empty(t, recs.Next)
}

// TestEventThatCannotBeStoredIsRefusedAtOnce, since it would block the rows behind it.
func TestEventThatCannotBeStoredIsRefusedAtOnce(t *testing.T) {
	c := open(t, "sqlite", servers.Fresh(t, "sqlite"))
	for _, spoil := range []func(*media.Event){
		func(e *media.Event) { e.Key = strings.Repeat("k", 256) },
		func(e *media.Event) { e.Name = "a\x00b" },
		func(e *media.Event) { e.Name = "\xff" },
		func(e *media.Event) { e.Data = json.RawMessage(`"` + strings.Repeat("d", 4096) + `"`) },
	} {
		rec := sample(1, "live/x")
		e := eventNo(1, 0)
		spoil(&e)
		rec.Events = []media.Event{e}
		require.ErrorIs(t, c.Put(t.Context(), rec), row.ErrInvalid)
	}
}
