package metadata

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata/row"
)

// TestAnEventByItselfIsKept covers an event without a recording, and one event more than a recording
// may name. Queries return each before the database has it, when it has, and after an outage.
func TestAnEventByItselfIsKept(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		dir := t.TempDir()
		c := openWith(t, OpenOptions{Driver: driver, DSN: dsn, JournalDir: dir})
		ready(t, c.Catalogue)
		waits, beyond := eventNo(0, time.Minute), eventNo(1, time.Minute)
		full, growing := sample(1, "live/x"), sample(2, "live/x")
		growing.State = media.StateRecording
		put(t, c, full, growing)
		require.NoError(t, c.Flush(t.Context()))
		c.Catalogue.stop() // later changes wait in the journal
		require.NoError(t, c.PutEvents(t.Context(), media.Recording{Stream: "live/x"}, waits))
		require.NoError(t, c.PutEvents(t.Context(), full, beyond))
		require.NoError(t, c.PutEvents(t.Context(), growing, beyond))
		check := func() {
			t.Helper()
			e := theEvent(t, c, "a")
			require.NotNil(t, e)
			require.Equal(t, waits, e.Event)
			require.Equal(t, "live/x", e.Stream)
			require.Equal(t, "node1", e.Node)
			require.Empty(t, e.Recordings)
			require.Zero(t, e.GoneUTC, "it may have footage yet")
			require.Equal(t, []media.ID{full.ID, growing.ID}, filesOf(theEvent(t, c, "b")))
			require.Equal(t, 2, theEvent(t, c, "b").Total)
			got, err := c.Record(t.Context(), full.ID)
			require.NoError(t, err)
			require.Equal(t, full, got.Recording, "the recording is as it was")
		}
		check()
		c.up.Store(false) // nothing is flushed
		c.close()
		c = openWith(t, OpenOptions{Driver: driver, DSN: dsn, JournalDir: dir})
		ready(t, c.Catalogue)
		check()
		for range 2 { // put again, and joined
			later := waits
			later.EndUTC += 10e9
			require.NoError(t, c.PutEvents(t.Context(), full, later))
			require.NoError(t, c.Flush(t.Context()))
			require.Equal(t, later, theEvent(t, c, "a").Event)
			require.Equal(t, []media.ID{full.ID}, filesOf(theEvent(t, c, "a")))
		}
		gone := growing
		gone.State = media.StateLost
		put(t, c, gone)
		_, err := c.Delete(t.Context(), full.ID)
		require.NoError(t, err)
		require.NoError(t, c.PutEvents(t.Context(), growing, beyond), "comes late")
		require.NoError(t, c.PutEvents(t.Context(), full, beyond))
		require.Empty(t, theEvent(t, c, "b").Recordings)
		require.NoError(t, c.Flush(t.Context()))
		require.Empty(t, theEvent(t, c, "b").Recordings)
		require.NotZero(t, theEvent(t, c, "b").GoneUTC)
	})
}

// TestAnEventThatNeverHadFootageIsForgotten after the same time as an event whose footage is gone.
func TestAnEventThatNeverHadFootageIsForgotten(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		c := open(t, driver, dsn)
		_, err := c.Upkeep(t.Context(), UpkeepOptions{}) // the first one fills in what an older schema lacked
		require.NoError(t, err)
		now := c.opts.Clock.Now()
		for n, age := range []time.Duration{2 * time.Hour, 30 * time.Minute, 0} {
			e := eventNo(n, now.Add(-age).Sub(base))
			require.NoError(t, c.PutEvents(t.Context(), media.Recording{Stream: "live/x"}, e))
		}
		kept := eventNo(3, now.Add(-2*time.Hour).Sub(base))
		rec := sample(1, "live/x")
		put(t, c, rec)
		require.NoError(t, c.PutEvents(t.Context(), rec, kept))
		require.NoError(t, c.Flush(t.Context()))
		k, err := c.Upkeep(t.Context(), UpkeepOptions{KeepEvents: time.Hour})
		require.NoError(t, err)
		require.Equal(t, 1, k.Events)
		for key, there := range map[string]bool{"a": false, "b": true, "c": true, "d": true} {
			require.Equal(t, there, theEvent(t, c, key) != nil, key)
		}
	})
}

// TestAnEventThatCannotBeStoredIsRefused checks the error and the counter.
func TestAnEventThatCannotBeStoredIsRefused(t *testing.T) {
	c := open(t, "sqlite", filepath.Join(t.TempDir(), "spool.db"))
	e := eventNo(0, 0)
	e.Name = "a\x00b"
	require.ErrorIs(t, c.PutEvents(t.Context(), media.Recording{Stream: "live/x"}, e), row.ErrInvalid)
	require.ErrorIs(t, c.PutEvents(t.Context(), media.Recording{}, eventNo(0, 0)), row.ErrInvalid)
	e = eventNo(0, 0)
	e.Data = []byte("{")
	require.ErrorIs(t, c.PutEvents(t.Context(), media.Recording{Stream: "live/x"}, e), row.ErrInvalid)
	require.EqualValues(t, 3, c.Stats().Invalid)
}
