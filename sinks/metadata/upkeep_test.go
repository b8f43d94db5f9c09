package metadata

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata/row"
)

// eventFile returns a finished recording that names events.
func eventFile(n int, events ...media.Event) media.Recording {
	rec := sample(n, "live/x")
	rec.State, rec.Protected, rec.Events = media.StateFinished, false, events
	return rec
}

func theEvent(t *testing.T, c opened, key string) *media.EventRecord {
	t.Helper()
	page, err := c.Events(t.Context(), media.EventQuery{Key: key})
	require.NoError(t, err)
	if len(page.Events) == 0 {
		return nil
	}
	require.Len(t, page.Events, 1)
	return &page.Events[0]
}

func filesOf(e *media.EventRecord) (ids []media.ID) {
	for _, r := range e.Recordings {
		ids = append(ids, r.ID)
	}
	return ids
}

// TestEventRowFollowsItsFootage checks that an event names the recordings that hold its media as
// they come and go, that it has the time since when there is no footage, and that it is deleted
// when its retention ends. Its key is free then.
func TestEventRowFollowsItsFootage(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		c := open(t, driver, dsn)
		e := eventNo(0, 0)
		first, second := eventFile(0, e), eventFile(1, e)
		flush := func() { require.NoError(t, c.Flush(t.Context())) }
		for range 2 { // once from the journal and once from the database
			put(t, c, first)
			put(t, c, second)
			row := theEvent(t, c, "a")
			require.Equal(t, []media.ID{first.ID, second.ID}, filesOf(row))
			require.Equal(t, 2, row.Total)
			require.Equal(t, first.Path, row.Recordings[0].Path)
			require.Equal(t, first.SizeBytes, row.Recordings[0].SizeBytes)
			require.Zero(t, row.GoneUTC)
			flush()
		}
		before := time.Now().UnixNano()
		_, err := c.Delete(t.Context(), first.ID)
		require.NoError(t, err)
		require.Equal(t, []media.ID{second.ID}, filesOf(theEvent(t, c, "a")), "before the database knows")
		flush()
		require.Equal(t, []media.ID{second.ID}, filesOf(theEvent(t, c, "a")))
		lost := second
		lost.State = media.StateLost
		put(t, c, lost)
		require.NotZero(t, theEvent(t, c, "a").GoneUTC)
		flush()
		row := theEvent(t, c, "a")
		require.Empty(t, row.Recordings)
		require.GreaterOrEqual(t, row.GoneUTC, before)

		put(t, c, second) // the disk was mounted again
		flush()
		require.Zero(t, theEvent(t, c, "a").GoneUTC)
		put(t, c, lost)
		flush()

		kept, err := c.Upkeep(t.Context(), UpkeepOptions{KeepEvents: time.Hour, KeepLost: time.Hour})
		require.NoError(t, err)
		require.Zero(t, kept)
		require.NotNil(t, theEvent(t, c, "a"))
		kept, err = c.Upkeep(t.Context(), UpkeepOptions{})
		require.NoError(t, err)
		require.Zero(t, kept, "0 is for ever")
		kept, err = c.Upkeep(t.Context(), UpkeepOptions{KeepEvents: time.Nanosecond, KeepLost: time.Nanosecond})
		require.NoError(t, err)
		require.Equal(t, UpkeepReport{Events: 1, Lost: 1}, kept)
		require.Nil(t, theEvent(t, c, "a"))
		_, err = c.Record(t.Context(), second.ID)
		require.ErrorIs(t, err, ErrNotFound)

		later := eventFile(9, eventNo(0, time.Hour))
		put(t, c, later)
		require.Equal(t, base.Add(time.Hour).UnixNano(), theEvent(t, c, "a").AtUTC, "another event of the same key")
	})
}

// TestAnEventLosesItsFootageWhileItIsAsked between the query for its row and the query for its
// footage.
func TestAnEventLosesItsFootageWhileItIsAsked(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		c := open(t, driver, dsn)
		e := eventNo(0, 0)
		rec := eventFile(1, e)
		put(t, c, rec)
		require.NoError(t, c.Flush(t.Context()))
		rec.State = media.StateLost
		put(t, c, rec)
		pending := map[string]entry{rec.ID.String(): {row: &row.Row{ID: rec.ID.String(), State: string(rec.State)}, rev: 1}}
		require.NoError(t, c.Flush(t.Context()))
		page := media.EventPage{Events: []media.EventRecord{{Event: e}}}
		require.NoError(t, c.addFootage(t.Context(), page.Events, pending, nil))
		require.Empty(t, page.Events[0].Recordings)
		require.NotZero(t, page.Events[0].GoneUTC, "as if it never had any")
	})
}

// TestUpkeepKeepsRowsWithFootage checks that it keeps protected rows and rows of other recorders too.
func TestUpkeepKeepsRowsWithFootage(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		c := open(t, driver, dsn)
		other := openWith(t, OpenOptions{Driver: driver, DSN: dsn, Node: "node2"})
		t.Cleanup(other.close)
		ready(t, other.Catalogue)
		for i, of := range []opened{c, other} {
			kept, gone := eventFile(10*i, eventNo(2*i, 0)), eventFile(10*i+1, eventNo(2*i+1, 0))
			gone.State = media.StateLost
			guarded := eventFile(10*i + 2)
			guarded.State, guarded.Protected = media.StateLost, true
			for _, rec := range []media.Recording{kept, gone, guarded} {
				put(t, of, rec)
			}
			require.NoError(t, of.Flush(t.Context()))
		}
		kept, err := c.Upkeep(t.Context(), UpkeepOptions{KeepEvents: 1, KeepLost: 1})
		require.NoError(t, err)
		require.Equal(t, UpkeepReport{Events: 1, Lost: 1}, kept)
		for key, there := range map[string]bool{"a": true, "b": false, "c": true, "d": true} {
			require.Equal(t, there, theEvent(t, c, key) != nil, key)
		}
		require.Len(t, records(t, c, media.Query{State: media.StateLost}).Records, 3)
	})
}

// TestUpkeepWorksInBatches has more rows than one transaction changes.
func TestUpkeepWorksInBatches(t *testing.T) {
	c := open(t, "sqlite", servers.Fresh(t, "sqlite"))
	const n = 2*upkeepBatch + 3
	for i := range n / 200 {
		rec := eventFile(i)
		for k := range 200 {
			e := eventNo(0, 0)
			e.ID, e.Key = media.ID{7, byte(i), byte(k)}, fmt.Sprint(i, " ", k)
			rec.Events = append(rec.Events, e)
		}
		rec.State = media.StateLost
		put(t, c, rec)
	}
	require.NoError(t, c.Flush(t.Context()))
	kept, err := c.Upkeep(t.Context(), UpkeepOptions{KeepEvents: 1})
	require.NoError(t, err)
	require.Equal(t, n/200*200, kept.Events)
}

// TestFootageOfAnOlderSchemaIsFound although the task was interrupted.
func TestFootageOfAnOlderSchemaIsFound(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		c := open(t, driver, dsn)
		const n = upkeepBatch + 20
		for i := range n {
			e := eventNo(0, time.Duration(i)*time.Minute)
			e.ID, e.Key = media.ID{8, byte(i >> 8), byte(i)}, fmt.Sprint(i)
			put(t, c, eventFile(i, e))
		}
		require.NoError(t, c.Flush(t.Context()))
		s := c.store.Load()
		exec := func(sql string) {
			_, err := s.RW.ExecContext(t.Context(), sql)
			require.NoError(t, err)
		}
		exec("DELETE FROM spool_event_recordings")
		exec("DELETE FROM spool_upkeep")
		rec := records(t, c, media.Query{Ascending: true, Limit: 1}).Records[0]
		exec("DELETE FROM spool_recordings WHERE id = '" + rec.ID.String() + "'") // before the table of pairs existed

		err := c.inTx(t.Context(), func(ctx context.Context, s *store, tx bun.Tx) error {
			_, _, err := c.pairBatch(ctx, s, tx, "")
			return errors.Join(err, errors.New("stopped within a batch"))
		})
		require.Error(t, err)
		ready(t, c.Catalogue)
		require.Empty(t, theEvent(t, c, "1").Recordings)
		for range 2 {
			_, err := c.Upkeep(t.Context(), UpkeepOptions{})
			require.NoError(t, err)
		}
		require.NotZero(t, theEvent(t, c, "0").GoneUTC)
		for _, key := range []string{"1", fmt.Sprint(n - 1)} {
			row := theEvent(t, c, key)
			require.Len(t, row.Recordings, 1, key)
			require.Zero(t, row.GoneUTC)
		}
	})
}

// TestUpkeepLogsOnlyRowsThatAnEarlierVersionLeftIncomplete checks that a new database, and rows of this
// version, are not reported as those of an earlier version.
func TestUpkeepLogsOnlyRowsThatAnEarlierVersionLeftIncomplete(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		var log keptLog
		c := openWith(t, OpenOptions{Driver: driver, DSN: dsn, Log: slog.New(slog.NewTextHandler(&log, nil))})
		ready(t, c.Catalogue)
		upkeep := func() string {
			t.Helper()
			_, err := c.Upkeep(t.Context(), UpkeepOptions{})
			require.NoError(t, err)
			return log.text()
		}
		require.NotContains(t, upkeep(), "earlier version", "no rows")
		put(t, c, eventFile(0, eventNo(0, 0)))
		require.NoError(t, c.Flush(t.Context()))
		c.exec(t, "DELETE FROM spool_upkeep")
		require.NotContains(t, upkeep(), "earlier version", "a row of this version")
		for _, table := range []string{"spool_upkeep", "spool_event_recordings", "spool_locations"} {
			c.exec(t, "DELETE FROM "+table)
		}
		text := upkeep()
		for _, task := range []string{`task="event footage" rows=1 position=done`, `task=locations rows=1 position=done`} {
			require.Contains(t, text, task)
		}
	})
}

// keptLog keeps the text that is written to it.
type keptLog struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (l *keptLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(b)
}

func (l *keptLog) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

// TestBytesThatAreProtected counts only this recorder's files.
func TestBytesThatAreProtected(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		c := open(t, driver, dsn)
		for i, state := range []media.State{media.StateFinished, media.StateLost, media.StateFinished} {
			rec := eventFile(i)
			rec.State, rec.Protected, rec.SizeBytes = state, i < 2, 100
			put(t, c, rec)
		}
		require.NoError(t, c.Flush(t.Context()))
		n, err := c.ProtectedBytes(t.Context())
		require.NoError(t, err)
		require.Equal(t, int64(100), n)
	})
}
