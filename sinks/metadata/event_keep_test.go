package metadata

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata/journal"
)

// TestARecoveredFileKeepsTheEventsOfItsRow covers an old row in the database and one that waits
// for it.
func TestARecoveredFileKeepsTheEventsOfItsRow(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		for _, stored := range []bool{true, false} {
			c := open(t, driver, dsn)
			if !stored {
				c.Catalogue.stop()
			}
			rec := sample(map[bool]int{true: 1, false: 2}[stored], "live/x")
			rec.State = media.StateRecording
			longer := eventNo(2, 0)
			longer.EndUTC += 60e9
			rec.Events = []media.Event{eventNo(0, 0), eventNo(1, time.Second), eventNo(2, 0)}
			put(t, c, rec)
			if stored {
				require.NoError(t, c.Flush(t.Context()))
			}
			found := rec
			found.State, found.Events = media.StateRecovered, []media.Event{longer}
			put(t, c, found)
			if stored {
				require.NoError(t, c.Flush(t.Context()))
			}
			check := func() {
				t.Helper()
				got, err := c.Record(t.Context(), rec.ID)
				require.NoError(t, err)
				require.Equal(t, media.StateRecovered, got.State)
				require.Len(t, got.Events, 3)
				for i, e := range []media.Event{rec.Events[0], rec.Events[1], longer} {
					require.Equal(t, e.ID, got.Events[i].ID)
					require.Equal(t, e.EndUTC, got.Events[i].EndUTC)
				}
			}
			check()
			require.NoError(t, c.write(t, c.pending.head(10)))
			check()
			c.up.Store(stored) // without the database nothing is flushed
			c.close()
		}
	})
}

// write applies changes in one batch.
func (c opened) write(t *testing.T, ops []journal.Change) error {
	t.Helper()
	if len(ops) == 0 {
		return nil
	}
	_, err := c.store.Load().write(t.Context(), c.journalID(), c.names(), ops)
	c.pending.settle(len(ops))
	return err
}
